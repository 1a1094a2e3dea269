#!/usr/bin/env python3
"""What libguard.so asks of the programs it is loaded into.

usage: needed.py BUILD_ROOT
A preload whose dependency or symbol version is missing kills every program of the system, so: libc
alone, old versions alone, no lazy binding, no unloading, little thread-local storage, the mark
for the shadow stack, and none of libc's functions that
allocate, lock streams, read the locale or end the process.
"""
import glob
import os
import re
import sys

import tree

NEEDED = ["libc.so.6"]
NEWEST_GLIBC = (2, 34)
MOST_TLS = 128  # initial-exec: all libraries of a program share what the loader sets aside

DENIED = re.compile(r"(__)?(" + "|".join([
  # stdio
  r"v?f?d?n?printf", r"v?sn?printf", r"v?asprintf", r"fw?open(64)?", r"fdopen", r"freopen(64)?", r"fmemopen",
  r"open_memstream", r"fclose", r"fflush", r"f?puts", r"f?putc", r"putchar", r"fwrite", r"fread", r"fgets",
  r"getline", r"getdelim", r"perror", r"(isoc99_|isoc23_)?v?f?s?scanf", r"tmpfile(64)?", r"popen", r"pclose",
  r"stdout", r"stderr", r"stdin",
  # allocates inside
  r"malloc", r"calloc", r"realloc", r"reallocarray", r"free", r"posix_memalign", r"aligned_alloc", r"memalign",
  r"strn?dup", r"opendir", r"fdopendir", r"scandir(64)?", r"setenv", r"putenv", r"unsetenv", r"clearenv",
  r"pthread_getattr_np", r"pthread_setspecific", r"dl_iterate_phdr", r"backtrace(_symbols(_fd)?)?", r"qsort(_r)?",
  r"getaddrinfo", r"getpwuid(_r)?", r"getpwnam(_r)?", r"realpath", r"getcwd_chk", r"get_current_dir_name",
  r"syslog", r"strerror(_r|_l)?", r"localtime(_r)?", r"strftime", r"tzset", r"setlocale", r"iconv.*", r"regcomp",
  r"hsearch", r"tsearch", r"glob(64)?", r"wordexp",
  # locale, or state of the host's own
  r"strto[dflu]+", r"ato[filq]+l?", r"rand(om)?", r"srand(om)?", r"strtok",
  # ends or takes over the process
  r"exit", r"abort", r"assert_fail", r"assert_perror_fail", r"err[x]?", r"warnx?", r"system", r"signal",
  r"tls_get_addr",
]) + r")(_chk|_unlocked)?")
# The interposed functions are defined here; a reference to them is our own wrapper.

# Denied, but for one file that has a reason.
EXCEPTIONS = {
  "exit": "sampler.c.o",  # as the last thread after a pthread_exit in main, where libc itself calls exit(0)
}


def dynamic(library):
  """Tag -> list of values of the dynamic section."""
  tags = {}
  for tag, value in re.findall(r"^\s*0x[0-9a-f]+ \((\w+)\)\s*(.*)$", tree.run("readelf", "-W", "-d", library), re.M):
    tags.setdefault(tag, []).append(value)
  return tags


def check_dynamic(library):
  tags = dynamic(library)
  flags = " ".join(tags.get("FLAGS", []) + tags.get("FLAGS_1", []) + (["NOW"] if "BIND_NOW" in tags else [])).split()
  needed = [re.search(r"\[(.*)\]", value).group(1) for value in tags.get("NEEDED", [])]
  if needed != NEEDED:
    yield f"DT_NEEDED is {needed}, has to be {NEEDED}"
  if "TEXTREL" in tags or "TEXTREL" in flags:
    yield "has text relocations"
  if "BIND_NOW" not in flags and "NOW" not in flags:
    yield "is bound lazily: link with -Wl,-z,now"
  if "NODELETE" not in flags:
    yield "can be unloaded: link with -Wl,-z,nodelete"
  if "RPATH" in tags or "RUNPATH" in tags:
    yield "has a RPATH"


def check_segments(library):
  segments = tree.run("readelf", "-W", "-l", library)
  stack = re.search(r"GNU_STACK\s.*?\s(R?W?E?)\s+0x[0-9a-f]+\s*$", segments, re.M)
  if not stack:
    yield "has no GNU_STACK header: the host's stack would become executable"
  elif "E" in stack.group(1):
    yield "asks for an executable stack"
  if re.search(r"LOAD\s.*\sRWE\s", segments):
    yield "has a segment that is writable and executable"
  storage = re.search(r"^\s*TLS\s+(?:0x[0-9a-f]+\s+){4}(0x[0-9a-f]+)", segments, re.M)
  if storage and int(storage.group(1), 16) > MOST_TLS:
    yield f"has {int(storage.group(1), 16)} bytes of thread-local storage, more than {MOST_TLS}"


def check_marks(library):
  """Without its mark the loader switches the shadow stack off for the whole program."""
  marks = tree.run("readelf", "-W", "-n", library)
  if "SHSTK" not in marks:
    yield "is not marked for the shadow stack: build with -fcf-protection=full, link with -Wl,-z,shstk"


def is_excepted(name, build):
  """Is it called from the one file that may?"""
  callers = {os.path.basename(path) for path in glob.glob(os.path.join(build, "agent/*.p/*.o"))
             if re.search(rf" U {name}$", tree.run("nm", path), re.M)}
  return callers == {EXCEPTIONS.get(name)}


def check_undefined(library):
  build = os.path.dirname(os.path.dirname(library))
  for line in tree.run("nm", "-D", "--undefined-only", library).splitlines():
    name, _, version = line.split()[-1].partition("@")
    number = re.match(r"@?GLIBC_(\d+)\.(\d+)", version)
    if DENIED.fullmatch(name) and not is_excepted(name, build):
      yield f"calls {name}"
    if number and tuple(map(int, number.groups())) > NEWEST_GLIBC:
      yield f"needs {name} of {version.lstrip('@')}, newer than GLIBC_{NEWEST_GLIBC[0]}.{NEWEST_GLIBC[1]}"
    if "GLIBC_PRIVATE" in version:
      yield f"needs {name} of GLIBC_PRIVATE"


def main():
  library = os.path.join(sys.argv[1], "agent/libguard.so")
  tree.need_file(library)
  problems = [f"libguard.so {problem}" for check in (check_dynamic, check_segments, check_marks, check_undefined)
              for problem in check(library)]
  tree.finish(problems, 4)


if __name__ == "__main__":
  main()
