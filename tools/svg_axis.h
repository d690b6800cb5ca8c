/* SPDX-License-Identifier: BSD-2-Clause */
/* What the charts share: the page, the legend and axes with round ticks. */
#ifndef HEDDLE_TOOLS_SVG_AXIS_H
#define HEDDLE_TOOLS_SVG_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct ht_axis - a range of values and where it lies on the page
 * @low, @high: the range, round once finished
 * @step:       distance of ticks, for a linear axis
 * @from, @to:  places of @low and @high, set by the chart
 */
struct ht_axis {
	bool is_log;
	bool from_zero;
	bool is_empty;
	double low;
	double high;
	double step;
	double from;
	double to;
};

void ht_axis_start(struct ht_axis *axis, bool is_log, bool from_zero);
/* ht_axis_cover() - make the range hold a value; others are ignored */
void ht_axis_cover(struct ht_axis *axis, double value);
/* ht_axis_finish() - choose ticks; @is_rounded: the range ends at ticks */
void ht_axis_finish(struct ht_axis *axis, bool is_rounded);
double ht_axis_place(const struct ht_axis *axis, double value);
/* ht_axis_draw() - grid, ticks and label; @cross is the other axis */
void ht_axis_draw(FILE *out, const struct ht_axis *axis,
		  const struct ht_axis *cross, bool is_vertical,
		  const char *label);

void ht_svg_open(FILE *out, double width, double height, const char *title,
		 const char *note);
/* ht_svg_legend() - returns where the room below it begins */
double ht_svg_legend(FILE *out, double width, bool has_note,
		     const char *const *names, size_t n, bool is_lines);
void ht_svg_frame(FILE *out, const struct ht_axis *x, const struct ht_axis *y);
/* ht_svg_put() - text with what XML wants escaped */
void ht_svg_put(FILE *out, const char *text);
/* ht_svg_width() - of a text in the small font, roughly */
double ht_svg_width(const char *text);
/* ht_svg_number() - 1500000 as "1.5M" */
void ht_svg_number(char *text, size_t size, double value);
const char *ht_svg_colour(size_t number);
const char *ht_svg_dash(size_t number);

#endif /* HEDDLE_TOOLS_SVG_AXIS_H */
