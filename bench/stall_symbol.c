/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which function an address is in: from this program's own table of symbols,
 * since what is hidden has no dynamic one, else from the shared libraries'. The
 * line is asked of addr2line, where there is one.
 */
#include <dlfcn.h>
#include <elf.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/stall.h"
#include "tools/say.h"

struct image {
	const char *bytes;
	size_t size;
};

static struct image own_image(void)
{
	struct image image = { NULL, 0 };
	struct stat stat;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return image;
	if (fstat(fd, &stat) == 0) {
		at = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE,
			  fd, 0);
		if (at != MAP_FAILED) {
			image.bytes = at;
			image.size = (size_t)stat.st_size;
		}
	}
	close(fd);
	return image;
}

/* The function at an offset of the image; NULL if it has no such symbol. */
static const char *in_image(struct image image, uint64_t offset,
			    uint64_t *start)
{
	const ElfW(Ehdr) *head = (const void *)image.bytes;
	const ElfW(Shdr) * section;
	unsigned int i;

	if (image.size < sizeof(*head) ||
	    head->e_shoff + head->e_shnum * sizeof(*section) > image.size)
		return NULL;
	section = (const void *)(image.bytes + head->e_shoff);
	for (i = 0; i < head->e_shnum; i++) {
		const ElfW(Sym) *symbol =
			(const void *)(image.bytes + section[i].sh_offset);
		size_t n = section[i].sh_size / sizeof(*symbol), k;

		if (section[i].sh_type != SHT_SYMTAB)
			continue;
		for (k = 0; k < n; k++) {
			if ((symbol[k].st_info & 15) != STT_FUNC ||
			    offset - symbol[k].st_value >= symbol[k].st_size)
				continue;
			*start = symbol[k].st_value;
			return image.bytes +
			       section[section[i].sh_link].sh_offset +
			       symbol[k].st_name;
		}
	}
	return NULL;
}

/* " (deque.h:120)", the inlined one; empty if nobody knows. */
static char *line_of(const char *object, uint64_t offset)
{
	char command[PATH_MAX + 64], line[PATH_MAX] = "";
	char *slash;
	FILE *in;

	snprintf(command, sizeof(command),
		 "addr2line -e '%s' 0x%" PRIx64 " 2>/dev/null", object, offset);
	in = popen(command, "r");
	if (!in)
		return ht_text("%s", "");
	if (!fgets(line, sizeof(line), in))
		line[0] = '\0';
	pclose(in);
	line[strcspn(line, " \n")] = '\0';
	if (!line[0] || line[0] == '?')
		return ht_text("%s", "");
	slash = strrchr(line, '/');
	return ht_text(" (%s)", slash ? slash + 1 : line);
}

static char *describe(const char *name, uint64_t offset, const char *object,
		      uint64_t in_object)
{
	char *line = line_of(object, in_object);
	char *text = ht_text("%s+0x%" PRIx64 "%s", name, offset, line);

	free(line);
	return text;
}

char *hs_symbol(uint64_t address)
{
	char path[PATH_MAX];
	struct image image;
	const char *name, *slash;
	uint64_t base, start;
	char *text = NULL;
	ssize_t n;
	Dl_info own, info;

	if (!dladdr((void *)(uintptr_t)hs_symbol, &own) ||
	    !dladdr((void *)(uintptr_t)address, &info))
		return ht_text("0x%" PRIx64, address);
	base = (uintptr_t)info.dli_fbase;
	slash = strrchr(info.dli_fname, '/');
	if (info.dli_fbase != own.dli_fbase) {
		if (!info.dli_sname)
			return ht_text("%s+0x%" PRIx64,
				       slash ? slash + 1 : info.dli_fname,
				       address - base);
		return describe(info.dli_sname,
				address - (uintptr_t)info.dli_saddr,
				info.dli_fname, address - base);
	}
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	image = own_image();
	/* A program at a fixed address has that in its symbols already. */
	if (image.bytes &&
	    ((const ElfW(Ehdr) *)(const void *)image.bytes)->e_type == ET_EXEC)
		base = 0;
	name = image.bytes ? in_image(image, address - base, &start) : NULL;
	if (name)
		text = describe(name, address - base - start, path,
				address - base);
	if (image.bytes)
		munmap((void *)(uintptr_t)image.bytes, image.size);
	return text ? text : ht_text("0x%" PRIx64, address - base);
}
