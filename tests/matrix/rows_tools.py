"""Tools: one command each, with a result that can be compared byte for byte."""
from row import Row

NUMBERS = ''.join('%d line of text, number %d\n' % (i % 97, i) for i in range(4000))
C_SOURCE = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(void)
{
	char *words[300];
	for (int i = 0; i < 300; i++) {
		words[i] = malloc(16);
		snprintf(words[i], 16, "w%d", i * 7919 % 1000);
	}
	qsort(words, 300, sizeof(*words), compare);
	printf("%s %s\n", words[0], words[299]);
	return 4;
}
'''
CXX_SOURCE = r'''
#include <iostream>
#include <map>
#include <regex>
#include <string>
int main()
{
	std::map<std::string, int> table;
	for (int i = 0; i < 2000; i++)
		table["key" + std::to_string(i * 31 % 997)] += i;
	std::cout << table.size() << ' ' << std::regex_replace("a1b2", std::regex("[0-9]"), "#") << '\n';
}
'''
GIT = r'''
set -e
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git init -q -b main work && cd work
for i in $(seq 1 40); do seq 1 $((i * 20)) > file$i; git add . ; git commit -qm "change $i"; done
git checkout -q -b side HEAD~20 && echo more >> file3 && git commit -qam side
git merge -q -m merged main || true
git gc -q && git fsck --strict && git log --oneline --graph | tail -5
git clone -q . ../clone && cd ../clone && git log --format=%H -1 && git grep -c 199 | head -3
git repack -adq --threads=2 && git diff HEAD~3 --stat | tail -2 && git blame file3 | tail -1
'''
GDB = '''set width 0
set confirm off
break work
run
next
backtrace
info locals
print *item
finish
continue
'''
DEBUGGED = r'''
#include <stdio.h>
#include <stdlib.h>
struct item { int number; char name[8]; };
static int work(struct item *item)
{
	int twice = item->number * 2;
	return twice;
}
int main(void)
{
	struct item *item = calloc(1, sizeof(*item));
	item->number = 21;
	item->name[0] = 'x';
	printf("%d\n", work(item));
	return 5;
}
'''
CMAKE = '''cmake_minimum_required(VERSION 3.10)
project(matrix C)
include(CheckFunctionExists)
check_function_exists(getline HAVE_GETLINE)
message(STATUS "getline: ${HAVE_GETLINE}")
add_library(part STATIC part.c)
add_executable(prog main.c)
target_link_libraries(prog part)
enable_testing()
add_test(NAME prog COMMAND prog)
'''
BUILD = 'set -e; cmake -S . -B out; cmake --build out --parallel 2; cd out && ctest; ./prog'
SECONDS = r'\d+\.\d+ ?s(ec)?'
CURL = r'''
for i in 1 2 3 4 5 6 7 8; do
  curl -sS -w '%{http_code} %{size_download}\n' -o got.$i http://127.0.0.1:@port@/lines; cmp got.$i lines && echo equal
done
curl -sS --no-progress-meter --parallel --parallel-max 4 -o a http://127.0.0.1:@port@/lines -o b http://127.0.0.1:@port@/lines && cmp b lines
curl -sS http://127.0.0.1:@port@/missing -o /dev/null -w '%{http_code}\n'
curl -sS http://127.0.0.1:@port2@/; echo "status $?"
curl -sSI http://127.0.0.1:@port@/lines | grep -i length
curl --version | head -1
'''
EMACS = r'''
(let ((table (make-hash-table :test 'equal)))
  (dotimes (i 20000) (puthash (format "key%d" i) (make-string 20 ?x) table))
  (garbage-collect)
  (message "%d" (hash-table-count table)))
(with-temp-buffer
  (insert-file-contents "lines")
  (goto-char (point-min))
  (while (re-search-forward "line" nil t) (replace-match "LINE"))
  (sort-lines nil (point-min) (point-max))
  (write-region nil nil "sorted")
  (message "%s" (md5 (current-buffer))))
(byte-compile-file "part.el")
(message "%s" (with-output-to-string (call-process "echo" nil standard-output nil "from a child")))
(kill-emacs 6)
'''
ARCHIVE = r'''
set -e
for i in $(seq 1 30); do mkdir -p tree/$i; cp lines tree/$i/; done
tar -cf a.tar --sort=name --mtime=@0 tree
gzip -nk9 a.tar; xz -kT2 a.tar; bzip2 -k a.tar; zstd -qkT2 a.tar 2>/dev/null || true
sha256sum a.tar.gz a.tar.bz2 && xz -dc a.tar.xz | cmp - a.tar && gzip -dc a.tar.gz | tar -tf - | wc -l
'''
TEXT = r'''
sort -t' ' -k1,1n -k7 --parallel=2 -S 1M lines | md5sum
awk '{ n[$1] += $6 } END { for (k in n) print k, n[k] }' lines | sort -n | md5sum
sed -E 's/([0-9]+) (line)/\2 \1/;n;d' lines | tail -2
grep -cE '(1|2)+ line.*9$' lines; tr a-z A-Z < lines | uniq -c | wc -l; diff lines sorted.txt | head -2; bc <<< '2^300' || true
find / -maxdepth 2 -xdev -name 'pass*' 2>/dev/null | sort; du -s lines | cut -f2; date -u -d @0; ps -o comm= -p $$; id -u
'''

Row('git', ['bash', 'script'], needs=['git'], files={'script': GIT})
Row('curl', ['bash', 'script'], needs=['curl'], files={'script': CURL, 'lines': NUMBERS}, hide=[r'after \d+ ms'],
    prepare=lambda place: place.start('python3', '-m', 'http.server', '@port@', '--bind', '127.0.0.1') and
    (None if place.harness.wait_for(place.listens) else 'no server for curl'))
Row('gdb', ['bash', '-c', 'gcc -g -O0 -o debugged debugged.c && gdb -nx -batch -x commands ./debugged'], needs=['gdb', 'gcc'],
    files={'debugged.c': DEBUGGED, 'commands': GDB}, hide=[r'0x[0-9a-f]+', r'process \d+'])
Row('gcc', ['gcc', '-O2', '-g', '-save-temps', '-o', 'program', 'source.c'], files={'source.c': C_SOURCE},
    after=lambda place: [place.run('./program'), place.run('nm', 'program')])
Row('g++', ['bash', '-c', 'g++ -O2 -pipe -o program source.cc && ./program'], needs=['g++'],
    files={'source.cc': CXX_SOURCE}, limit=120)
Row('cmake', ['bash', '-c', BUILD], needs=['cmake', 'gcc', 'make'], hide=[SECONDS],
    files={'CMakeLists.txt': CMAKE, 'part.c': 'int part(void) { return 3; }\n',
           'main.c': 'int part(void);\nint main(void) { return part() - 3; }\n'})
Row('emacs', ['emacs', '-Q', '--batch', '-l', 'script.el'], files={'script.el': EMACS, 'lines': NUMBERS,
    'part.el': ';;; -*- lexical-binding: t -*-\n(defun twice (x) (* 2 x))\n'}, after=lambda place: [place.run('md5sum', 'sorted')])
Row('vim', ['vim', '-es', '-Nu', 'NONE', '-S', 'script', 'lines'], files={'lines': NUMBERS,
    'script': '%s/line/LINE/g\nsort n\nlet x = map(range(5000), "v:val * 2")\nw! sorted\n!echo from a child\ncq! 6\n'},
    after=lambda place: [place.run('md5sum', 'sorted')])
Row('archives', ['bash', 'script'], files={'script': ARCHIVE, 'lines': NUMBERS})
Row('text tools', ['bash', 'script'], files={'script': TEXT, 'lines': NUMBERS, 'sorted.txt': NUMBERS[100:]})
Row('perl', ['perl', 'script'], files={'script': r'''
use strict; use threads; use POSIX; my %h; $h{$_ % 997} .= "x$_" for 1 .. 50000;
print join(',', map { length $h{$_} } (sort { $a <=> $b } keys %h)[0 .. 5]), "\n";
my @t = map { my $n = $_; threads->create(sub { my $s = 0; $s += $_ for 1 .. 20000 + $n; $s }) } 1 .. 4;
print join(',', map { $_->join } @t), "\n";
my $pid = fork; if (!$pid) { print "child\n"; POSIX::_exit(3) } waitpid $pid, 0; print $? >> 8, "\n";
eval { die { code => 5 } }; print $@->{code}, "\n"; my $t = 'a' x 100000; $t =~ s/a/bc/g; print length $t, "\n";
print `echo substituted`; exit 4;
'''})
Row('rsync', ['bash', '-c', 'mkdir -p tree/a tree/b; cp lines tree/a; cp lines tree/b/2; rsync -a --stats tree/ copy | grep -i'
              ' "number of"; rsync -ac --delete tree/ copy && diff -r tree copy && echo equal'],
    needs=['rsync'], files={'lines': NUMBERS})
Row('tmux', ['bash', '-c', 'tmux -S socket -f /dev/null new-session -d -x 80 -y 20 "cat lines; sleep 30"; sleep 1; '
             'tmux -S socket capture-pane -p | tail -3; tmux -S socket split-window "sleep 30"; '
             'tmux -S socket list-panes | wc -l; tmux -S socket kill-server; echo $?'],
    needs=['tmux'], files={'lines': NUMBERS}, environ={'TERM': 'screen'})
Row('stress-ng', ['stress-ng', '--malloc', '1', '--malloc-ops', '500', '--clone', '1', '--clone-ops', '10', '--sigsegv', '1',
                  '--sigsegv-ops', '50', '--pthread', '1', '--pthread-ops', '10', '--vfork', '1', '--vfork-ops', '10',
                  '--mmap', '1', '--mmap-ops', '5', '--verify'], limit=180,
    hide=[r'stress-ng: info: +\[\d+\]', r'\d+\.\d+ secs', r'\[\d+\]', r'\d+\.\d+s?'])
Row('stress-ng memory', ['bash', '-c', 'ulimit -v 800000; stress-ng --malloc 1 --malloc-ops 1000 --bigheap 1 --bigheap-ops 100 '
                         '--brk 1 --brk-ops 100 --stack 1 --stack-ops 2; echo $?'], needs=['stress-ng'], limit=180,
    hide=[r'stress-ng: info: +\[\d+\]', r'\d+\.\d+ secs', r'\[\d+\]', r'\d+\.\d+s?'])
Row('systemd tools', ['bash', '-c', 'systemd-escape /a/b-c; systemd-id128 new | wc -c; systemd-analyze calendar --base-time='
                      '@0 "Mon *-*-1 12:00" --iterations=2 2>&1 | grep Norm; systemd-path temporary; udevadm --version; '
                      'busctl --version | head -1; systemd-analyze verify ./a.service; echo $?'], needs=['systemd-analyze'],
    files={'a.service': '[Service]\nExecStart=/bin/true\nMemoryMax=1G\n'}, hide=[r'<folder>\S*'])
