/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line and the lines that go back and forth; see protocol.hh. */
#include "bench/opponents/cxx/protocol.hh"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace opponent
{

void bad_usage(const std::string &what)
{
	std::fprintf(stderr, "%s: %s\n", program, what.c_str());
	std::exit(BAD_USAGE);
}

/* Other threads may still run, so nothing is torn down. */
void missed(const std::string &what)
{
	std::fprintf(stderr, "%s: %s\n", program, what.c_str());
	std::fflush(stdout);
	std::_Exit(MISSED);
}

options::options(int argc, char **argv, int first)
{
	for (int i = first; i < argc; i += 2) {
		const std::string word = argv[i];

		if (word.size() < 3 || word.compare(0, 2, "--"))
			bad_usage("unknown argument '" + word + "'");
		if (i + 1 == argc)
			bad_usage(word + " needs a value");
		values[word.substr(2)] = argv[i + 1];
	}
}

std::string options::text(const std::string &key,
			  const std::string &standard) const
{
	const auto found = values.find(key);

	return found == values.end() ? standard : found->second;
}

std::uint64_t options::number(const std::string &key,
			      std::uint64_t standard) const
{
	const auto found = values.find(key);
	char *end = nullptr;

	if (found == values.end())
		return standard;
	const std::string &word = found->second;
	const unsigned long long value = std::strtoull(word.c_str(), &end, 10);

	if (word.empty() || word[0] < '0' || word[0] > '9' || *end || !value)
		bad_usage("--" + key + ": '" + word +
			  "' is no number from 1 on");
	return value;
}

void line::add(const char *key, double value)
{
	char words[64];

	if (std::isnan(value))
		std::snprintf(words, sizeof(words), "nan");
	else
		std::snprintf(words, sizeof(words), "%.3f", value);
	text += std::string(" ") + key + "=" + words;
}

void line::add(const char *key, std::uint64_t value)
{
	text += std::string(" ") + key + "=" + std::to_string(value);
}

void line::print() const
{
	std::printf("%s\n", text.c_str());
	std::fflush(stdout);
}

int drive(const char *version, workload &measured)
{
	std::string word;

	std::printf("ready version=%s\n", version);
	std::fflush(stdout);
	while (std::getline(std::cin, word)) {
		line out;

		if (word != "go")
			bad_usage("standard input: '" + word + "' is not 'go'");
		measured.round(out);
		out.print();
	}
	measured.stop();
	std::printf("end\n");
	return DONE;
}

int absent(const std::string &reason)
{
	std::printf("absent %s\n", reason.c_str());
	return ABSENT;
}

/* What there is, for people and for the test. */
static int list()
{
	for (const peer *const *at = peers; *at; at++) {
		const peer *one = *at;

		if (one->version)
			std::printf("peer %s version=%s workloads=%s\n",
				    one->name, one->version, one->workloads);
		else
			std::printf("absent %s: %s\n", one->name, one->missing);
	}
	return DONE;
}

static int answer(const options &asked)
{
	const std::string name = asked.text("peer", "");
	const std::string workload = asked.text("workload", "");

	for (const peer *const *at = peers; *at; at++) {
		const peer *one = *at;

		if (name != one->name)
			continue;
		if (!one->version)
			return absent(one->missing);
		const std::string has = std::string(",") + one->workloads + ",";
		if (has.find("," + workload + ",") == std::string::npos)
			return absent(workload + " is not for " + name + " (" +
				      one->interface + ")");
		return one->run(*one, asked);
	}
	bad_usage("--peer: unknown '" + name + "'");
}

} // namespace opponent

int main(int argc, char **argv)
{
	const std::string command = argc > 1 ? argv[1] : "";

	if (command == "bench-list" && argc == 2)
		return opponent::list();
	if (command != "bench-peer")
		opponent::bad_usage(
			"the command is bench-peer or bench-list, not '" +
			command + "'");
	try {
		return opponent::answer(opponent::options(argc, argv, 2));
	} catch (const std::exception &error) {
		opponent::missed(error.what());
	}
}
