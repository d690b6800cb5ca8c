/* SPDX-License-Identifier: BSD-2-Clause */
/* Line and step charts, and what all charts share; see svg.h. */
#include "tools/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/say.h"
#include "tools/stats.h"
#include "tools/svg_axis.h"

/* Points of one distribution that are drawn at most. */
#define ECDF_POINTS 600

struct plot {
	FILE *out;
	const struct ht_chart *chart;
	struct ht_axis x;
	struct ht_axis y;
};

static bool can_show(const struct ht_axis *axis, double value)
{
	return isfinite(value) && (!axis->is_log || value > 0);
}

static void fit_axes(struct plot *plot)
{
	const struct ht_chart *chart = plot->chart;
	size_t i, k;

	ht_axis_start(&plot->x, chart->x_is_log, false);
	ht_axis_start(&plot->y, chart->y_is_log, true);
	for (i = 0; i < chart->n_series; i++) {
		for (k = 0; k < chart->series[i].n; k++) {
			ht_axis_cover(&plot->x, chart->series[i].x[k]);
			ht_axis_cover(&plot->y, chart->series[i].y[k]);
		}
	}
	for (i = 0; i < chart->n_events; i++)
		ht_axis_cover(&plot->x, chart->events[i].x);
	if (chart->y_max > 0)
		ht_axis_cover(&plot->y, chart->y_max);
	if (chart->x_is_events && !plot->x.is_empty) {
		/* Half a step at both ends, so that no label hangs over. */
		double half = chart->n_events > 1 && !chart->x_is_log
				      ? (plot->x.high - plot->x.low) /
						(double)(chart->n_events - 1) /
						2
				      : 0;

		ht_axis_cover(&plot->x, plot->x.low - half);
		ht_axis_cover(&plot->x, plot->x.high + half);
	}
	ht_axis_finish(&plot->x, !chart->x_is_events);
	ht_axis_finish(&plot->y, true);
}

static void draw_series(struct plot *plot, size_t number)
{
	const struct ht_series *series = &plot->chart->series[number];
	bool is_drawing = false;
	double x, y, before = 0;
	size_t k;

	fprintf(plot->out,
		"<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		"stroke-linejoin=\"round\" stroke-dasharray=\"%s\" d=\"",
		ht_svg_colour(number), ht_svg_dash(number));
	for (k = 0; k < series->n; k++) {
		if (!can_show(&plot->x, series->x[k]) ||
		    !can_show(&plot->y, series->y[k])) {
			is_drawing = false;
			continue;
		}
		x = ht_axis_place(&plot->x, series->x[k]);
		y = ht_axis_place(&plot->y, series->y[k]);
		if (is_drawing && plot->chart->is_step)
			fprintf(plot->out, "L%.1f %.1f", x, before);
		fprintf(plot->out, "%c%.1f %.1f", is_drawing ? 'L' : 'M', x, y);
		is_drawing = true;
		before = y;
	}
	/* What held at the last event holds on. */
	if (is_drawing && plot->chart->is_step && plot->chart->x_is_events)
		fprintf(plot->out, "H%.1f", plot->x.to);
	fputs("\"/>\n", plot->out);
	if (plot->chart->is_step || series->n > 40)
		return;
	for (k = 0; k < series->n; k++)
		if (can_show(&plot->x, series->x[k]) &&
		    can_show(&plot->y, series->y[k]))
			fprintf(plot->out,
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" "
				"fill=\"%s\"/>\n",
				ht_axis_place(&plot->x, series->x[k]),
				ht_axis_place(&plot->y, series->y[k]),
				ht_svg_colour(number));
}

static double widest_event(const struct ht_chart *chart)
{
	double widest = 0;
	size_t i;

	for (i = 0; i < chart->n_events; i++)
		widest = fmax(widest, ht_svg_width(chart->events[i].label));
	return widest;
}

/* Labels that would lie on each other are turned. */
static bool labels_are_turned(const struct ht_chart *chart, double room)
{
	return widest_event(chart) * (double)chart->n_events > room;
}

static void draw_event_labels(struct plot *plot)
{
	const struct ht_chart *chart = plot->chart;
	bool is_turned = labels_are_turned(chart, plot->x.to - plot->x.from);
	double x;
	size_t i;

	for (i = 0; i < chart->n_events; i++) {
		x = ht_axis_place(&plot->x, chart->events[i].x);
		fprintf(plot->out,
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"%s\"",
			x, plot->y.from + 16, is_turned ? "end" : "middle");
		if (is_turned)
			fprintf(plot->out,
				" transform=\"rotate(-35 %.1f %.1f)\"", x,
				plot->y.from + 16);
		putc('>', plot->out);
		ht_svg_put(plot->out, chart->events[i].label);
		fputs("</text>\n", plot->out);
	}
}

static void draw_events(struct plot *plot)
{
	const struct ht_chart *chart = plot->chart;
	double x;
	size_t i;

	for (i = 0; i < chart->n_events; i++) {
		x = ht_axis_place(&plot->x, chart->events[i].x);
		fprintf(plot->out,
			"<path class=\"%s\" d=\"M%.1f %.1fV%.1f\"/>\n",
			chart->x_is_events ? "grid" : "event", x, plot->y.from,
			plot->y.to);
		if (chart->x_is_events)
			continue;
		/* Beside the line, reading downwards, as notes in a margin. */
		fprintf(plot->out,
			"<text class=\"tick over\" text-anchor=\"start\" "
			"transform=\"translate(%.1f %.1f) rotate(90)\">",
			x + 4, plot->y.to + 4);
		ht_svg_put(plot->out, chart->events[i].label);
		fputs("</text>\n", plot->out);
	}
	if (chart->x_is_events)
		draw_event_labels(plot);
}

void ht_svg_chart(FILE *out, const struct ht_chart *chart)
{
	struct plot plot = { .out = out, .chart = chart };
	const double width = 800;
	double height = 440, below = 60;
	const char **names = ht_alloc(chart->n_series, sizeof(*names));
	double top;
	size_t i;

	for (i = 0; i < chart->n_series; i++)
		names[i] = chart->series[i].name;
	fit_axes(&plot);
	plot.x.from = 76;
	plot.x.to = width - 28;
	/* Turned labels reach down by the sine of their angle. */
	if (chart->x_is_events &&
	    labels_are_turned(chart, plot.x.to - plot.x.from))
		below = 54 + 0.58 * fmin(widest_event(chart), 240);
	height += below - 60;
	ht_svg_open(out, width, height, chart->title, chart->note);
	top = ht_svg_legend(out, width, chart->note != NULL, names,
			    chart->n_series, true);
	free(names);
	plot.y.from = height - below;
	plot.y.to = top + 12;
	ht_axis_draw(out, &plot.y, &plot.x, true, chart->y_label);
	if (!chart->x_is_events)
		ht_axis_draw(out, &plot.x, &plot.y, false, chart->x_label);
	draw_events(&plot);
	if (chart->x_is_events) {
		fprintf(out,
			"<text class=\"label\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">",
			(plot.x.from + plot.x.to) / 2, height - 14);
		ht_svg_put(out, chart->x_label);
		fputs("</text>\n", out);
	}
	ht_svg_frame(out, &plot.x, &plot.y);
	for (i = 0; i < chart->n_series; i++)
		draw_series(&plot, i);
	fputs("</svg>\n", out);
}

/* The steps of one distribution, thinned to what can be seen. */
static void make_ecdf(struct ht_series *series,
		      const struct ht_samples *samples)
{
	double *sorted = ht_alloc(samples->n, sizeof(*sorted));
	double *x = ht_alloc(ECDF_POINTS + 1, sizeof(*x));
	double *y = ht_alloc(ECDF_POINTS + 1, sizeof(*y));
	size_t points, rank, i;

	memcpy(sorted, samples->values, samples->n * sizeof(*sorted));
	ht_sort(sorted, samples->n);
	points = samples->n < ECDF_POINTS ? samples->n : ECDF_POINTS;
	if (points) {
		x[0] = sorted[0];
		y[0] = 0;
	}
	for (i = 1; i <= points; i++) {
		rank = samples->n * i / points;
		x[i] = sorted[rank - 1];
		y[i] = (double)rank / (double)samples->n;
	}
	series->name = samples->name;
	series->x = x;
	series->y = y;
	series->n = points ? points + 1 : 0;
	free(sorted);
}

void ht_svg_ecdf(FILE *out, const char *title, const char *note,
		 const char *x_label, bool x_is_log,
		 const struct ht_samples *samples, size_t n_samples)
{
	struct ht_series *series = ht_alloc(n_samples, sizeof(*series));
	struct ht_chart chart = {
		.title = title,
		.note = note,
		.x_label = x_label,
		.y_label = "part of the samples",
		.is_step = true,
		.x_is_log = x_is_log,
		.y_max = 1,
		.series = series,
		.n_series = n_samples,
	};
	size_t i;

	for (i = 0; i < n_samples; i++)
		make_ecdf(&series[i], &samples[i]);
	ht_svg_chart(out, &chart);
	for (i = 0; i < n_samples; i++) {
		free((void *)series[i].x);
		free((void *)series[i].y);
	}
	free(series);
}
