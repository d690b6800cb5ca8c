/* SPDX-License-Identifier: BSD-2-Clause */
/* The page, the legend and the axes of a chart; see svg_axis.h. */
#include "tools/svg_axis.h"

#include <math.h>
#include <string.h>

/*
 * The palette of Okabe and Ito without its yellow, which is too light for a
 * line on white.
 */
static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73",
				       "#cc79a7", "#e69f00", "#56b4e9",
				       "#333333" };
static const char *const dashes[] = { "none",    "8 3",  "2 3",
				      "8 3 2 3", "12 4", "4 2" };

#define N_COLOURS (sizeof(colours) / sizeof(colours[0]))
#define N_DASHES  (sizeof(dashes) / sizeof(dashes[0]))

const char *ht_svg_colour(size_t number)
{
	return colours[number % N_COLOURS];
}

const char *ht_svg_dash(size_t number)
{
	return dashes[number % N_DASHES];
}

void ht_svg_put(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			/* XML has no way to write the other controls. */
			putc((unsigned char)*text < 0x20 ? ' ' : *text, out);
		}
	}
}

double ht_svg_width(const char *text)
{
	return 6.6 * (double)strlen(text) + 8;
}

void ht_svg_number(char *text, size_t size, double value)
{
	double magnitude = fabs(value);

	if (magnitude >= 1e9)
		snprintf(text, size, "%.4gG", value / 1e9);
	else if (magnitude >= 1e6)
		snprintf(text, size, "%.4gM", value / 1e6);
	else if (magnitude >= 1e4)
		snprintf(text, size, "%.4gk", value / 1e3);
	else
		snprintf(text, size, "%.4g", value);
}

void ht_axis_start(struct ht_axis *axis, bool is_log, bool from_zero)
{
	memset(axis, 0, sizeof(*axis));
	axis->is_log = is_log;
	axis->from_zero = from_zero && !is_log;
	axis->is_empty = true;
}

void ht_axis_cover(struct ht_axis *axis, double value)
{
	if (!isfinite(value) || (axis->is_log && value <= 0))
		return;
	if (axis->is_empty) {
		axis->low = axis->from_zero && value > 0 ? 0 : value;
		axis->high = axis->from_zero && value < 0 ? 0 : value;
		axis->is_empty = false;
	}
	axis->low = fmin(axis->low, value);
	axis->high = fmax(axis->high, value);
}

/* 1, 2 or 5 times a power of ten, so that about six steps fill the range. */
static double round_step(double range)
{
	double rough = range / 6;
	double power = pow(10, floor(log10(rough)));
	double digits = rough / power;

	if (digits <= 1)
		return power;
	if (digits <= 2)
		return 2 * power;
	if (digits <= 5)
		return 5 * power;
	return 10 * power;
}

void ht_axis_finish(struct ht_axis *axis, bool is_rounded)
{
	if (axis->is_empty) {
		axis->low = axis->is_log ? 1 : 0;
		axis->high = axis->is_log ? 10 : 1;
	}
	if (axis->is_log) {
		axis->low = pow(10, floor(log10(axis->low) + 1e-9));
		axis->high = pow(10, ceil(log10(axis->high) - 1e-9));
		if (axis->high <= axis->low)
			axis->high = 10 * axis->low;
		return;
	}
	if (axis->high <= axis->low) {
		double half = axis->low != 0 ? fabs(axis->low) / 2 : 0.5;

		axis->low -= axis->from_zero ? 0 : half;
		axis->high += axis->from_zero ? 1 : half;
	}
	axis->step = round_step(axis->high - axis->low);
	if (!is_rounded)
		return;
	axis->low = axis->step * floor(axis->low / axis->step + 1e-9);
	axis->high = axis->step * ceil(axis->high / axis->step - 1e-9);
}

double ht_axis_place(const struct ht_axis *axis, double value)
{
	double part;

	if (axis->is_log)
		part = log(value / axis->low) / log(axis->high / axis->low);
	else
		part = (value - axis->low) / (axis->high - axis->low);
	return axis->from + part * (axis->to - axis->from);
}

static void draw_tick(FILE *out, const struct ht_axis *axis,
		      const struct ht_axis *cross, bool is_vertical,
		      double value, bool has_number)
{
	double at = ht_axis_place(axis, value);
	char text[32];

	if (is_vertical)
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n",
			cross->from, at, cross->to);
	else
		fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n",
			at, cross->from, cross->to);
	if (!has_number)
		return;
	ht_svg_number(text, sizeof(text), value);
	if (is_vertical)
		fprintf(out,
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"end\">%s</text>\n",
			cross->from - 8, at + 4, text);
	else
		fprintf(out,
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%s</text>\n",
			at, cross->from + 18, text);
}

static void draw_ticks(FILE *out, const struct ht_axis *axis,
		       const struct ht_axis *cross, bool is_vertical)
{
	double value, minor, decades;
	int i, last, every;

	if (!axis->is_log) {
		last = (int)floor((axis->high - axis->low) / axis->step + 0.01);
		for (i = 0; i <= last; i++) {
			value = axis->low + i * axis->step;
			/* Not "-1e-17" where a zero is meant. */
			if (fabs(value) < axis->step / 1e6)
				value = 0;
			draw_tick(out, axis, cross, is_vertical, value, true);
		}
		return;
	}
	decades = round(log10(axis->high / axis->low));
	every = (int)(decades / 8) + 1;
	for (i = 0; i <= (int)decades; i++) {
		value = axis->low * pow(10, i);
		draw_tick(out, axis, cross, is_vertical, value, i % every == 0);
		for (minor = 2; decades <= 3 && i < (int)decades && minor < 10;
		     minor++)
			draw_tick(out, axis, cross, is_vertical, minor * value,
				  fabs(minor - 2) < 0.1 ||
					  fabs(minor - 5) < 0.1);
	}
}

void ht_axis_draw(FILE *out, const struct ht_axis *axis,
		  const struct ht_axis *cross, bool is_vertical,
		  const char *label)
{
	double middle = (axis->from + axis->to) / 2;

	draw_ticks(out, axis, cross, is_vertical);
	if (is_vertical)
		fprintf(out,
			"<text class=\"label\" text-anchor=\"middle\" "
			"transform=\"translate(%.1f %.1f) rotate(-90)\">",
			cross->from - 56, middle);
	else
		fprintf(out,
			"<text class=\"label\" text-anchor=\"middle\" "
			"x=\"%.1f\" y=\"%.1f\">",
			middle, cross->from + 42);
	ht_svg_put(out, label);
	fputs("</text>\n", out);
}

void ht_svg_open(FILE *out, double width, double height, const char *title,
		 const char *note)
{
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
		"height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n"
		"<title>",
		width, height, width, height);
	ht_svg_put(out, title);
	fputs("</title>\n<style>\n"
	      "text{font-family:'Source Sans 3','Noto Sans','DejaVu Sans',"
	      "Helvetica,Arial,sans-serif;fill:#222}\n"
	      ".title{font-size:17px;font-weight:600}\n"
	      ".note{font-size:12px;fill:#666}\n"
	      ".label{font-size:13px}\n"
	      ".tick{font-size:11.5px;fill:#444}\n"
	      ".over{paint-order:stroke;stroke:#fff;stroke-width:3px}\n"
	      ".grid{stroke:#e4e4e4;fill:none}\n"
	      ".event{stroke:#999;stroke-dasharray:3 3;fill:none}\n"
	      ".frame{stroke:#888;fill:none}\n"
	      "</style>\n"
	      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
	      "<text class=\"title\" x=\"20\" y=\"30\">",
	      out);
	ht_svg_put(out, title);
	fputs("</text>\n", out);
	if (!note)
		return;
	fputs("<text class=\"note\" x=\"20\" y=\"49\">", out);
	ht_svg_put(out, note);
	fputs("</text>\n", out);
}

double ht_svg_legend(FILE *out, double width, bool has_note,
		     const char *const *names, size_t n, bool is_lines)
{
	double y = has_note ? 70 : 52;
	double x = 20;
	double needed;
	size_t i;

	if (!n)
		return has_note ? 56 : 38;
	for (i = 0; i < n; i++) {
		needed = 40 + ht_svg_width(names[i]);
		if (x > 20 && x + needed > width - 20) {
			x = 20;
			y += 18;
		}
		if (is_lines)
			fprintf(out,
				"<path fill=\"none\" stroke=\"%s\" "
				"stroke-width=\"2.5\" stroke-dasharray=\"%s\" "
				"d=\"M%.1f %.1fh26\"/>\n",
				ht_svg_colour(i), ht_svg_dash(i), x, y - 4);
		else
			fprintf(out,
				"<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" "
				"height=\"10\" rx=\"2\" fill=\"%s\"/>\n",
				x + 12, y - 9, ht_svg_colour(i));
		fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">",
			x + 32, y);
		ht_svg_put(out, names[i]);
		fputs("</text>\n", out);
		x += needed;
	}
	return y + 6;
}

void ht_svg_frame(FILE *out, const struct ht_axis *x, const struct ht_axis *y)
{
	fprintf(out, "<path class=\"frame\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n",
		x->from, y->to, y->from, x->to);
}
