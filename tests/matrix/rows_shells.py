"""Shells: loops, functions, pipes, substitutions, background jobs, traps, here documents, exec."""
from row import Row

SCRIPT = r'''
count() { i=0; while [ $i -lt "$1" ]; do i=$((i + 1)); done; echo "counted $i"; }
count 2000
echo "sum $(seq 1 500 | awk '{ s += $1 } END { print s }')"
for f in a b c; do printf '%s\n' "$f.txt" "$f" | sort -r | head -1; done
(exit 7); echo "status $?"
trap 'echo trapped' USR1
kill -USR1 $$
sleep 0.1 & wait $!
echo "waited $?"
cat <<END | wc -c
a here document of some length
END
words="one two three"
set -- $words
echo "$# $3"
ls /proc/self/fd | grep -c '^.$'
env | grep -v -e LD_PRELOAD -e GUARD_ -e '^_=' | sort | cksum | wc -w
exec sh -c 'echo "and now another shell"; exit 3'
'''
BASH = r'''
declare -A table
for ((i = 0; i < 3000; i++)); do table[key$i]=value$((i * i)); done
echo "${#table[@]} ${table[key77]}"
mapfile -t lines < <(seq 1 2000)
echo "${#lines[@]} ${lines[1999]}"
text=$(printf 'x%.0s' {1..5000}); echo "${#text} ${text//x/yy}" | md5sum
coproc cat; echo through >&"${COPROC[1]}"; read -r -u "${COPROC[0]}" back; echo "$back"
[[ "release 12.5" =~ ([0-9]+)\.([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
'''
ZSH = r'''
typeset -A table
for i in {1..3000}; do table[key$i]=$((i * i)); done
echo $#table $table[key77]
print -l **/*(N) | sort | head -3
zmodload zsh/datetime zsh/regex 2>/dev/null
echo ${(j:,:)${(On)${(s: :)${:-"3 1 2"}}}}
print $(( 10 ** 3 )) ${(U)${:-small}}
'''
CSH = r'''
set list = (one two three)
foreach word ($list)
  echo $word | tr a-z A-Z
end
@ i = 0
while ($i < 500)
  @ i++
end
echo $i `echo inside`
(sleep 0.1; echo later) & wait
exit 3
'''

Row('bash', ['bash', 'script'], files={'script': BASH + SCRIPT}, hide=[r'\[\d+\]'])
Row('dash', ['dash', 'script'], files={'script': SCRIPT})
Row('zsh', ['zsh', '-f', 'script'], files={'script': ZSH + SCRIPT})
Row('ksh', ['ksh93', 'script'], files={'script': SCRIPT})
Row('tcsh', ['tcsh', '-f', 'script'], files={'script': CSH}, hide=[r'\[\d+\] \d+'])
Row('mksh', ['mksh', 'script'], files={'script': SCRIPT})
Row('busybox static', ['bash', '-c', 'busybox sh script; echo "status $?"'], needs=['busybox'], files={'script': SCRIPT})
Row('bash interactive', ['script', '-qec', 'bash --norc --noprofile -i', '/dev/null'], needs=['bash'],
    environ={'TERM': 'dumb', 'PS1': '> '},
    stdin=b'sleep 0.1 &\nwait\nfor i in 1 2 3; do echo line $i; done\nhistory | wc -l\nexit 5\n', hide=[r'\[\d\] +\d+'])
