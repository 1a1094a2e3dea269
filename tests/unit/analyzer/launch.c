/*
 * Tests of analyzer/launch: what exec would run, and whether the agent gets in.
 */
#include "analyzer/launch.h"
#include "tests/unit/check.h"
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/guard-test-XXXXXX";
static char self[PATH_MAX]; /* a dynamically linked program, and as good an agent as any */
static char why[512];

static const char *at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static const char *file(const char *name, const void *data, size_t size, mode_t mode)
{
	const char *path = at(name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	CHECK(write(fd, data, size) == (ssize_t)size);
	fchmod(fd, mode);
	close(fd);
	return path;
}

static enum launch_status check_text(const char *name, const char *text)
{
	return launch_check(file(name, text, strlen(text), 0755), self, why, sizeof(why));
}

static void test_find(void)
{
	char path[PATH_MAX], search[PATH_MAX + 64];

	file("program", "#!/bin/sh\n", 10, 0755);
	file("data", "x", 1, 0644);
	snprintf(search, sizeof(search), "/nonexistent:%s", directory);
	CHECK_EQ(launch_find("program", search, path, sizeof(path)), LAUNCH_OK);
	CHECK_TEXT(path, at("program"));
	CHECK_EQ(launch_find("data", search, path, sizeof(path)), LAUNCH_NOT_EXECUTABLE);
	CHECK_EQ(launch_find("nothing", search, path, sizeof(path)), LAUNCH_NOT_FOUND);
	CHECK_EQ(launch_find("", search, path, sizeof(path)), LAUNCH_NOT_FOUND);
	CHECK_EQ(launch_find(directory, search, path, sizeof(path)), LAUNCH_NOT_EXECUTABLE);
	CHECK_EQ(launch_find(at("data"), search, path, sizeof(path)), LAUNCH_NOT_EXECUTABLE);
	CHECK_EQ(launch_find("/nonexistent/x", search, path, sizeof(path)), LAUNCH_NOT_FOUND);
	CHECK_EQ(launch_find("sh", NULL, path, sizeof(path)), LAUNCH_OK);
	CHECK_EQ(chdir(directory), 0);
	CHECK_EQ(launch_find("program", "/nonexistent:", path, sizeof(path)), LAUNCH_OK);
	CHECK_TEXT(path, "./program");
}

static void test_scripts(void)
{
	char text[PATH_MAX + 16];

	CHECK_EQ(check_text("script", "#! /bin/sh -e\n"), LAUNCH_OK);
	CHECK_EQ(check_text("plain", "echo no interpreter line\n"), LAUNCH_OK);
	CHECK_EQ(check_text("empty", ""), LAUNCH_OK);
	CHECK_EQ(check_text("lost", "#!/nonexistent/sh\n"), LAUNCH_NOT_FOUND);
	CHECK(strstr(why, "/nonexistent/sh") != NULL);
	CHECK_EQ(check_text("blank", "#!  \n"), LAUNCH_NOT_EXECUTABLE);
	snprintf(text, sizeof(text), "#!%s\n", at("loop"));
	CHECK_EQ(check_text("loop", text), LAUNCH_NOT_EXECUTABLE);
	snprintf(text, sizeof(text), "#!%s\n", at("script"));
	CHECK_EQ(check_text("second", text), LAUNCH_OK);
}

/* A copy of this program, changed. */
static unsigned char *image;
static size_t image_size;

static void read_self(void)
{
	struct stat status;
	int fd = open("/proc/self/exe", O_RDONLY);

	CHECK(fd >= 0 && fstat(fd, &status) == 0);
	image_size = (size_t)status.st_size;
	image = malloc(image_size);
	CHECK_EQ(read(fd, image, image_size), image_size);
	close(fd);
	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
}

static Elf64_Phdr *interpreter_header(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;
	Elf64_Phdr *segments = (Elf64_Phdr *)(image + header->e_phoff);

	for (unsigned i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_INTERP)
			return &segments[i];
	return NULL;
}

static enum launch_status check_image(mode_t mode)
{
	return launch_check(file("image", image, image_size, mode), self, why, sizeof(why));
}

static void test_elf(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;
	Elf64_Phdr *interpreter = interpreter_header();
	char *loader;

	CHECK_EQ(check_text("garbage", "\177ELFgarbage"), LAUNCH_NOT_EXECUTABLE);
	CHECK_EQ(check_image(0755), LAUNCH_OK);
	CHECK(!*why);
	CHECK_EQ(launch_check(self, "/nonexistent/agent.so", why, sizeof(why)), LAUNCH_REFUSED);
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || !interpreter)
		return;
	header->e_machine ^= 0x40;
	CHECK_EQ(check_image(0755), LAUNCH_REFUSED);
	header->e_machine ^= 0x40;
	interpreter->p_type = PT_NOTE;
	CHECK_EQ(check_image(0755), LAUNCH_REFUSED);
	CHECK(strstr(why, "static") != NULL);
	interpreter->p_type = PT_INTERP;
	loader = (char *)image + interpreter->p_offset;
	strcpy(loader, "/lib/ld-musl-x.so");
	CHECK_EQ(check_image(0755), LAUNCH_REFUSED);
	CHECK(strstr(why, "musl") != NULL);
	strcpy(loader, "/lib64/ld-x.so");
	CHECK_EQ(check_image(06755), LAUNCH_OK); /* our own user and group */
	CHECK_EQ(launch_check("/lib64/ld-linux-x86-64.so.2", self, why, sizeof(why)), LAUNCH_OK);
	if (geteuid() != 0 || chown(at("image"), 12345, 0) < 0 || chmod(at("image"), 04755) < 0)
		return;
	CHECK_EQ(launch_check(at("image"), self, why, sizeof(why)), LAUNCH_REFUSED);
	CHECK(strstr(why, "set-user-ID") != NULL);
	CHECK(chown(at("image"), 0, 12345) == 0 && chmod(at("image"), 02755) == 0);
	CHECK_EQ(launch_check(at("image"), self, why, sizeof(why)), LAUNCH_REFUSED);
	CHECK(strstr(why, "set-group-ID") != NULL);
}

static void test_agent(void)
{
	char path[PATH_MAX];

	setenv("GUARD_AGENT", "/nonexistent/agent.so", 1);
	CHECK(launch_agent(path, sizeof(path)) < 0);
	CHECK_TEXT(path, "/nonexistent/agent.so");
	setenv("GUARD_AGENT", self, 1);
	CHECK_EQ(launch_agent(path, sizeof(path)), 0);
	CHECK_TEXT(path, self);
}

int main(int argc, char **argv)
{
	char command[PATH_MAX + 16];
	char *program = argc > 1 ? realpath(argv[1], NULL) : NULL;

	if (!mkdtemp(directory))
		return 77;
	read_self();
	test_find();
	if (launch_check("/bin/sh", self, why, sizeof(why)) == LAUNCH_OK)
		test_scripts();
	if (launch_check(self, self, why, sizeof(why)) == LAUNCH_OK && !*why) /* not so when built with a sanitizer */
		test_elf();
	test_agent();
	if (program) {
		CHECK_EQ(launch_check(program, self, why, sizeof(why)), LAUNCH_OK);
		CHECK(strstr(why, "allocator of its own") != NULL);
	}
	snprintf(command, sizeof(command), "rm -r %s", directory);
	CHECK_EQ(system(command), 0);
	free(program);
	free(image);
	return check_result();
}
