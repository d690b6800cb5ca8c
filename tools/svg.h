/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Charts as stand-alone SVG files: lines, steps, empirical distributions and
 * horizontal bars. Colours are told apart by colour-blind people too, and
 * lines differ in their dashes as well. Errors of the stream stay in the
 * stream.
 */
#ifndef HEDDLE_TOOLS_SVG_H
#define HEDDLE_TOOLS_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A named line; points with a value that is not finite leave a gap. */
struct ht_series {
	const char *name;
	const double *x;
	const double *y;
	size_t n;
};

/* Something that happened at an x. */
struct ht_event {
	double x;
	const char *label;
};

/**
 * struct ht_chart - lines or steps in one system of axes
 * @title, @note: above the chart; @note may be NULL
 * @x_label, @y_label: of the axes, with the unit
 * @is_step:      a value holds until the next point
 * @x_is_log, @y_is_log: points that are not positive leave a gap
 * @x_is_events:  the events' labels take the place of numbers below the axis
 * @y_max:        top of the axis, 0: from the data
 * @series, @events: what is drawn; events are vertical lines
 */
struct ht_chart {
	const char *title;
	const char *note;
	const char *x_label;
	const char *y_label;
	bool is_step;
	bool x_is_log;
	bool y_is_log;
	bool x_is_events;
	double y_max;
	const struct ht_series *series;
	size_t n_series;
	const struct ht_event *events;
	size_t n_events;
};

void ht_svg_chart(FILE *out, const struct ht_chart *chart);

/* Samples in any order, for a distribution. */
struct ht_samples {
	const char *name;
	const double *values;
	size_t n;
};

/* ht_svg_ecdf() - which part of the samples is at most x */
void ht_svg_ecdf(FILE *out, const char *title, const char *note,
		 const char *x_label, bool x_is_log,
		 const struct ht_samples *samples, size_t n_samples);

/**
 * struct ht_bar - one horizontal bar
 * @label: at its left
 * @series: bars of the same number share a colour
 * @value: where the bar ends, usually a median
 * @low, @high: ends of the whisker, usually quartiles; NaN for none
 */
struct ht_bar {
	const char *label;
	unsigned int series;
	double value;
	double low;
	double high;
};

/**
 * ht_svg_bars() - bars from zero, or from the lowest decade if x_is_log
 * @names: of the series, for the legend; NULL for none
 */
void ht_svg_bars(FILE *out, const char *title, const char *note,
		 const char *x_label, bool x_is_log, const struct ht_bar *bars,
		 size_t n_bars, const char *const *names, size_t n_names);

#endif /* HEDDLE_TOOLS_SVG_H */
