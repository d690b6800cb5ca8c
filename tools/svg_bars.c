/* SPDX-License-Identifier: BSD-2-Clause */
/* Horizontal bars with whiskers; see svg.h. */
#include "tools/svg.h"

#include <math.h>

#include "tools/svg_axis.h"

#define BAR_STEP   26
#define BAR_HEIGHT 16

static void draw_bar(FILE *out, const struct ht_axis *x,
		     const struct ht_bar *bar, double top)
{
	double zero = x->is_log ? x->from : ht_axis_place(x, 0);
	double middle = top + BAR_HEIGHT / 2.0;
	double end, after, low, high;
	char text[32];

	fprintf(out,
		"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"end\">",
		x->from - 8, middle + 4);
	ht_svg_put(out, bar->label);
	fputs("</text>\n", out);
	if (!isfinite(bar->value) || (x->is_log && bar->value <= 0)) {
		fprintf(out,
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">no value"
			"</text>\n",
			x->from + 6, middle + 4);
		return;
	}
	end = ht_axis_place(x, bar->value);
	fprintf(out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
		"rx=\"2\" fill=\"%s\"/>\n",
		fmin(zero, end), top, fmax(fabs(end - zero), 1), BAR_HEIGHT,
		ht_svg_colour(bar->series));
	after = fmax(zero, end);
	if (isfinite(bar->low) && isfinite(bar->high) &&
	    (!x->is_log || bar->low > 0)) {
		low = ht_axis_place(x, bar->low);
		high = ht_axis_place(x, bar->high);
		fprintf(out,
			"<path stroke=\"#222\" stroke-width=\"1.5\" "
			"fill=\"none\" d=\"M%.1f %.1fv8M%.1f %.1fH%.1fM%.1f "
			"%.1fv8\"/>\n",
			low, middle - 4, low, middle, high, high, middle - 4);
		after = fmax(after, high);
	}
	ht_svg_number(text, sizeof(text), bar->value);
	fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
		after + 6, middle + 4, text);
}

void ht_svg_bars(FILE *out, const char *title, const char *note,
		 const char *x_label, bool x_is_log, const struct ht_bar *bars,
		 size_t n_bars, const char *const *names, size_t n_names)
{
	const double width = 800;
	struct ht_axis x, y;
	double top, widest = 0;
	double height;
	size_t i;

	ht_axis_start(&x, x_is_log, true);
	ht_axis_start(&y, false, true);
	for (i = 0; i < n_bars; i++) {
		ht_axis_cover(&x, bars[i].value);
		ht_axis_cover(&x, bars[i].low);
		ht_axis_cover(&x, bars[i].high);
		widest = fmax(widest, ht_svg_width(bars[i].label));
	}
	ht_axis_finish(&x, true);
	/* The legend may take several lines; this is room for all of them. */
	height = 140 + 18.0 * (double)n_names + BAR_STEP * (double)n_bars;
	ht_svg_open(out, width, height, title, note);
	top = ht_svg_legend(out, width, note != NULL, names,
			    names ? n_names : 0, false) +
	      10;
	x.from = 20 + fmin(widest, 320);
	x.to = width - 76;
	y.to = top;
	y.from = top + BAR_STEP * (double)n_bars + 4;
	ht_axis_draw(out, &x, &y, false, x_label);
	ht_svg_frame(out, &x, &y);
	for (i = 0; i < n_bars; i++)
		draw_bar(out, &x, &bars[i],
			 top + BAR_STEP * (double)i +
				 (BAR_STEP - BAR_HEIGHT) / 2.0 + 2);
	fputs("</svg>\n", out);
}
