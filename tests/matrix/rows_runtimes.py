"""Languages with heaps, threads and stacks of their own: what their programs print must not change."""
import glob

from row import Row

PYTHON = r'''
import asyncio, ctypes, gc, json, multiprocessing, os, re, subprocess, sys, threading, zlib
def square(n): return n * n
async def ticks(n):
  await asyncio.sleep(0.01 * n)
  return n
async def both(): return await asyncio.gather(*(ticks(n) for n in range(5)), asyncio.to_thread(square, 9))
if __name__ == '__main__':
  print(len(json.loads(json.dumps({str(i): [i] * 9 for i in range(20000)}))), zlib.crc32(bytes(10**6)))
  found = []
  threads = [threading.Thread(target=lambda: found.append(sum(map(square, range(20000))))) for _ in range(8)]
  [t.start() for t in threads]; [t.join() for t in threads]
  print(set(found), asyncio.run(both()))
  for way in ('fork', 'spawn', 'forkserver'):
    with multiprocessing.get_context(way).Pool(2) as pool: print(way, sum(pool.map(square, range(100))))
  libc = ctypes.CDLL(None, use_errno=True)
  libc.malloc.restype = ctypes.c_void_p; libc.free.argtypes = [ctypes.c_void_p]
  p = libc.malloc(1000); ctypes.memset(p, 65, 1000); print(ctypes.string_at(p, 3)); libc.free(p)
  compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
  array = (ctypes.c_int * 5)(5, 3, 1, 4, 2); libc.qsort(array, 5, 4, compare); print(list(array))
  print(subprocess.run(['sh', '-c', 'echo child; exit 3'], capture_output=True).returncode, sorted(os.listdir('/proc/self/fd'))[:3])
  try: bytearray(1 << 60)
  except MemoryError: print('MemoryError')
  def deep(n): return n and 1 + deep(n - 1)
  sys.setrecursionlimit(10**5); threading.stack_size(1 << 28)
  t = threading.Thread(target=lambda: print(deep(20000))); t.start(); t.join(); gc.collect(); sys.exit(5)
'''
PYTHON_LIMIT = r'''
import resource
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
blocks = [bytearray(1 << 20) for _ in range(150)]
try: bytearray(400 << 20)
except MemoryError: print('as limited', len(blocks))
'''
JAVA = r'''
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;
public class Main {
  public static void main(String[] arguments) throws Exception {
    Map<String, List<Integer>> table = new TreeMap<>();
    for (int i = 0; i < 100000; i++) table.computeIfAbsent("key" + i % 997, k -> new ArrayList<>()).add(i);
    System.out.println(table.size() + " " + table.get("key5").size());
    ExecutorService pool = Executors.newFixedThreadPool(8);
    long sum = 0;
    List<Future<Long>> results = new ArrayList<>();
    for (int i = 0; i < 32; i++) { final int n = i; results.add(pool.submit(() -> LongStream.range(0, 20000 + n).parallel().sum())); }
    for (Future<Long> result : results) sum += result.get();
    pool.shutdown();
    System.out.println(sum);
    for (int i = 0; i < 50; i++) {
      ByteBuffer direct = ByteBuffer.allocateDirect(100000); direct.putLong(8, i); sum += direct.getLong(8);
      Deflater deflater = new Deflater(); deflater.setInput(new byte[50000]); deflater.finish();
      sum += deflater.deflate(new byte[1000]); deflater.end();
    }
    System.out.println(sum);
    for (int i = 0; i < 5; i++) {
      Process process = new ProcessBuilder("sh", "-c", "echo child; exit 3").start();
      System.out.print(new String(process.getInputStream().readAllBytes()) + process.waitFor() + " ");
    }
    try { recurse(1); } catch (StackOverflowError e) { System.out.println("overflow"); }
    try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("null"); }
    System.gc(); System.exit(6);
  }
  static int recurse(int n) { return recurse(n + 1) + 1; }
}
'''
JNI = r'''
#include <jni.h>
#include <stdlib.h>
#include <string.h>
JNIEXPORT jlong JNICALL Java_Native_work(JNIEnv *env, jclass class, jint n)
{
	jlong sum = 0;
	(void)env, (void)class;
	for (jint i = 1; i <= n; i++) {
		char *p = malloc(i % 5000 + 1);
		memset(p, i, i % 5000 + 1);
		sum += p[i % 5000];
		free(p);
	}
	return sum;
}
'''
NATIVE = r'''
public class Native {
  static native long work(int n);
  public static void main(String[] a) throws Exception {
    System.load(a[0]);
    Thread[] threads = new Thread[4];
    for (int i = 0; i < 4; i++) { threads[i] = new Thread(() -> System.out.println(work(50000))); threads[i].start(); }
    for (Thread t : threads) t.join();
  }
}
'''
NODE = r'''
const { Worker, isMainThread, parentPort } = require('worker_threads');
const zlib = require('zlib'), crypto = require('crypto'), fs = require('fs'), child = require('child_process');
if (!isMainThread) { let s = 0; for (let i = 0; i < 1e6; i++) s += i; parentPort.postMessage(s); }
else (async () => {
  const table = new Map(); for (let i = 0; i < 200000; i++) table.set('key' + i, { i });
  console.log(table.size, crypto.createHash('sha256').update(Buffer.alloc(1e6)).digest('hex').slice(0, 12));
  const packed = await Promise.all([...Array(8)].map((_, i) => new Promise(r => zlib.gzip(Buffer.alloc(1e5, i), (e, b) => r(b.length)))));
  console.log(packed.join());
  console.log((await Promise.all([1, 2, 3].map(() => new Promise(r => new Worker(__filename).on('message', r))))).join());
  console.log(await new Promise(r => crypto.scrypt('a', 'b', 32, (e, k) => r(k.toString('hex').slice(0, 8)))));
  console.log(child.execFileSync('sh', ['-c', 'echo child']).toString().trim(), (await fs.promises.readFile(__filename)).length > 100);
  const wasm = new WebAssembly.Module(Buffer.from('0061736d01000000010401600000030201000a040102000b', 'hex')); console.log(typeof wasm);
  process.exit(4);
})();
'''
RUBY = r'''
require 'fiddle'; require 'json'; require 'zlib'
puts JSON.parse(JSON.generate((0...20000).to_h { |i| ["k#{i}", [i] * 3] })).size
puts (1..8).map { |n| Thread.new { (1..20000 + n).sum } }.map(&:value).inspect
fibers = (1..200).map { |n| Fiber.new { |x| loop { x = Fiber.yield("#{n}" * 50 + x) } } }
puts fibers.map { |f| f.resume('a'); f.resume('b').size }.sum
puts Zlib.crc32('x' * 100000), [1, 2, 3].each_slice(2).to_a.inspect
p = Fiddle::Pointer[Fiddle.malloc(100)]; p[0, 3] = 'abc'; puts p[0, 3]; Fiddle.free(p.to_i)
pid = fork { GC.start; exit!(3) }; Process.wait(pid); puts $?.exitstatus, `echo child`
begin; def deep(n) = deep(n + 1) + 1; deep(0); rescue SystemStackError; puts 'too deep'; end
GC.compact rescue nil; GC.start; ObjectSpace.count_objects; exit 7
'''
PHP = r'''<?php
$t = []; for ($i = 0; $i < 50000; $i++) $t["k$i"] = str_repeat('x', $i % 40);
ksort($t); echo count($t), ' ', md5(serialize($t)), "\n";
echo preg_replace_callback('/\d+/', fn($m) => $m[0] * 2, 'a1b22'), "\n"; $f = (function () { yield 1; yield 2; })();
foreach ($f as $v) echo $v; $fiber = new Fiber(function ($x) { echo Fiber::suspend($x * 2); }); echo $fiber->start(4); $fiber->resume("r\n");
echo shell_exec('echo child'); try { intdiv(1, 0); } catch (DivisionByZeroError $e) { echo get_class($e), "\n"; } exit(3);
'''
LUA = r'''
local ffi = require 'ffi'
ffi.cdef [[ void *malloc(size_t); void free(void *); int qsort(void *, size_t, size_t, int (*)(const int *, const int *)); ]]
local sum = 0
for i = 1, 300000 do local p = ffi.cast('char *', ffi.C.malloc(i % 100 + 1)); p[0] = i % 50; sum = sum + p[0]; ffi.C.free(p) end
print(sum)
local a = ffi.new('int[5]', 5, 3, 1, 4, 2); ffi.C.qsort(a, 5, 4, function(x, y) return x[0] - y[0] end); print(a[0], a[4])
local t = {}; for i = 1, 200000 do t['k' .. i] = { i } end; print(collectgarbage('count') > 1000)
local cos = {}; for i = 1, 500 do cos[i] = coroutine.wrap(function(x) for j = 1, 10 do x = coroutine.yield(x .. j) end end) end
local n = 0; for i = 1, 500 do n = n + #cos[i]('a') end; print(n, pcall(error, 'e')); print((('x'):rep(1000):gsub('x', 'yz')):len())
os.exit(4)
'''
ERLANG = ('Self = self(), [spawn(fun() -> Self ! lists:sum(lists:seq(1, N * 100)) end) || N <- lists:seq(1, 2000)], '
          'io:format("~p~n", [lists:sum([receive X -> X end || _ <- lists:seq(1, 2000)])]), '
          'T = ets:new(t, []), [ets:insert(T, {N, binary:copy(<<"x">>, N rem 500)}) || N <- lists:seq(1, 20000)], '
          'io:format("~p ~p~n", [ets:info(T, size), erlang:phash2(lists:sort(ets:tab2list(T)))]), '
          'io:format("~s~p~n", [os:cmd("echo child"), byte_size(zlib:gzip(binary:copy(<<"a">>, 100000)))]), '
          'io:format("~p~n", [catch erlang:error(e)]), halt(3).')
GO = r'''package main
// #include <stdlib.h>
// #include <string.h>
// static long work(int n) { long s = 0; for (int i = 1; i <= n; i++) { char *p = malloc(i % 900 + 1); memset(p, 1, i % 900 + 1); s += p[0]; free(p); } return s; }
// extern void back(int); static void call(int n) { void *p = malloc(77); back(n); free(p); }
import "C"
import ("fmt"; "os"; "os/exec"; "os/signal"; "runtime"; "strings"; "sync"; "syscall"; "unsafe")
var total int
//export back
func back(n C.int) { total += int(n); p := C.CString(strings.Repeat("x", 99)); C.free(unsafe.Pointer(p)) }
func main() {
  var wait sync.WaitGroup; var lock sync.Mutex; sum := 0
  for i := 0; i < 50; i++ { wait.Add(1); go func() { defer wait.Done(); n := int(C.work(2000)); lock.Lock(); sum += n; lock.Unlock() }() }
  wait.Wait(); for i := 0; i < 100; i++ { C.call(C.int(i)) }
  fmt.Println(sum, total); table := map[string][]byte{}
  for i := 0; i < 50000; i++ { table[fmt.Sprint("k", i)] = make([]byte, i%100) }; runtime.GC(); fmt.Println(len(table))
  c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGUSR1); syscall.Kill(os.Getpid(), syscall.SIGUSR1); fmt.Println(<-c)
  out, _ := exec.Command("sh", "-c", "echo child").Output(); fmt.Print(string(out))
  defer func() { fmt.Println("recovered:", recover()); os.Exit(5) }(); var p *int; fmt.Println(*p)
}
'''
GUILE = r'''
(use-modules (ice-9 threads) (ice-9 popen) (ice-9 rdelim) (system foreign))
(define table (make-hash-table))
(do ((i 0 (+ i 1))) ((= i 50000)) (hash-set! table i (make-vector (modulo i 50) i)))
(gc) (display (hash-count (const #t) table)) (newline)
(display (par-map (lambda (n) (apply + (iota (* n 1000)))) '(1 2 3 4 5 6 7 8))) (newline)
(display (string-length (number->string (expt 7 20000)))) (newline)
(define malloc (pointer->procedure '* (dynamic-func "malloc" (dynamic-link)) (list size_t)))
(define free (pointer->procedure void (dynamic-func "free" (dynamic-link)) '(*)))
(do ((i 1 (+ i 1))) ((= i 20000)) (free (malloc i)))
(display (read-line (open-input-pipe "echo child"))) (newline)
(display (catch #t (lambda () (car 5)) (lambda (key . rest) key))) (newline)
(display (call/cc (lambda (k) (for-each (lambda (x) (if (> x 2) (k x))) '(1 2 3)) 0))) (newline) (gc) (exit 4)
'''
TCL = r'''
for {set i 0} {$i < 50000} {incr i} { set t(k$i) [string repeat x [expr {$i % 60}]] }
puts "[array size t] [string length [join [lsort [array names t]] {}]] [regsub -all {\d} a1b2 #] [exec echo child]"
coroutine c apply {{} { for {set i 0} 1 {incr i} { yield $i } }}; c; c; puts [c]; puts [catch {error e} m]$m
puts [expr {7 ** 300 % 1000007}]; interp create s; puts [s eval {expr 6 * 7}]; interp delete s; exit 3
'''
OCAML = r'''
let rec deep n = if n = 0 then 0 else 1 + deep (n - 1)
let () =
  let t = Hashtbl.create 16 in
  for i = 1 to 100000 do Hashtbl.replace t (i mod 9973) (String.make (i mod 80) 'x') done;
  Gc.compact (); Printf.printf "%d %d\n" (Hashtbl.length t) (deep 50000);
  let b = Bigarray.(Array1.create char c_layout 1000000) in Bigarray.Array1.fill b 'y'; print_char b.{77};
  (try ignore (Array.make (-1) 0) with Invalid_argument s -> print_endline s); ignore (Sys.command "echo child; exit 2"); exit 6
'''
LISP = '''(let ((table (make-hash-table :test 'equal)))
  (dotimes (i 50000) (setf (gethash (format nil "k~a" i) table) (make-string (mod i 50))))
  (format t "~a ~a~%" (hash-table-count table) (mod (expt 7 2000) 1000007)))
(format t "~a~%" (handler-case (car 5) (error () "caught")))
(finish-output) (quit)
'''
CSHARP = r'''
using System; using System.Collections.Generic; using System.Linq; using System.Threading.Tasks; using System.Runtime.InteropServices;
class Program {
  static int Main() {
    var table = new Dictionary<string, byte[]>(); for (int i = 0; i < 50000; i++) table["k" + i] = new byte[i % 90];
    Console.WriteLine(table.Count + " " + Task.WhenAll(Enumerable.Range(1, 8).Select(n => Task.Run(() => Enumerable.Range(0, n * 1000).Sum()))).Result.Sum());
    for (int i = 1; i < 20000; i++) { var p = Marshal.AllocHGlobal(i % 3000 + 1); Marshal.WriteByte(p, 7); Marshal.FreeHGlobal(p); }
    try { object o = null; o.ToString(); } catch (NullReferenceException) { Console.WriteLine("null"); } GC.Collect(); return 5;
  }
}
'''
RUST = '''use std::collections::HashMap; use std::thread;
fn main() {
    let mut t: HashMap<String, Vec<u8>> = HashMap::new(); for i in 0..50000 { t.insert(format!("k{}", i), vec![1; i % 70]); }
    let sums: Vec<u64> = (1..9).map(|n| thread::spawn(move || (0..n * 1000u64).sum())).collect::<Vec<_>>().into_iter().map(|h| h.join().unwrap()).collect();
    println!("{} {:?}", t.len(), sums); let r = std::panic::catch_unwind(|| { let v: Vec<u8> = Vec::new(); v[3] }); println!("{}", r.is_err());
    println!("{:?}", std::process::Command::new("sh").arg("-c").arg("exit 3").status().unwrap().code()); std::process::exit(6)
}
'''
R = r'''
m <- matrix(runif(200 * 200), 200); set.seed(7); x <- rnorm(50000)
cat(length(x), round(sum(x), 3), dim(solve(m)), "\n"); l <- lapply(1:20000, function(i) paste0("k", i)); e <- new.env()
for (k in l) assign(k, nchar(k), envir = e); cat(length(ls(e)), "\n"); gc() -> g
cat(round(coef(lm(y ~ z, data.frame(z = 1:1000, y = (1:1000) * 2 + 1))), 6), "\n")
r <- tryCatch(stop("e"), error = function(e) conditionMessage(e)); cat(r, system("echo child", intern = TRUE), "\n")
if (requireNamespace("parallel", quietly = TRUE)) cat(unlist(parallel::mclapply(1:4, function(i) sum(1:(i * 1000)), mc.cores = 2)), "\n")
quit(status = 5)
'''
PROLOG = r'''
:- initialization(main).
fib(0, 0). fib(1, 1). fib(N, F) :- N > 1, A is N - 1, B is N - 2, fib(A, X), fib(B, Y), F is X + Y.
main :- fib(20, F), writeln(F), numlist(1, 100000, L), foldl([X, S, T]>>(T is S + X), L, 0, S), writeln(S),
  forall(between(1, 20000, I), (atom_concat(key, I, K), assertz(fact(K, I)))), aggregate_all(count, fact(_, _), N), writeln(N),
  first_solution(X2, [member(X2, [a])], []), writeln(X2), concurrent_maplist([P, Q]>>(Q is P * P), [1, 2, 3, 4], W), writeln(W),
  catch(throw(e), E, (write(caught), writeln(E))), garbage_collect, X3 is 7 ** 3000 mod 1000007, writeln(X3), halt(4).
'''
JAVA_ENVIRON = {'JAVA_TOOL_OPTIONS': '-Xmx256m', 'MALLOC_ARENA_MAX': '2'}
JAVA_HIDE = [r'Picked up JAVA_TOOL_OPTIONS.*']


def jni(place):
  homes = sorted(glob.glob('/usr/lib/jvm/*/include/jni.h') + glob.glob('/opt/*/include/jni.h'))
  if not homes:
    return 'no jni.h here'
  home = homes[0][:-len('/jni.h')]
  for command in (('gcc', '-shared', '-fPIC', '-O1', '-fno-builtin', '-I' + home, '-I' + home + '/linux', '-o', 'native.so', 'native.c'),
                  ('javac', 'Native.java')):
    status, text = place.run(*command, limit=120)
    if status:
      return text[-300:]
  return None


def built(*command):
  def prepare(place):
    status, text = place.run(*command, limit=300)
    return text[-300:] if status else None
  return prepare


Row('python', ['/usr/bin/python3', 'script.py'], files={'script.py': PYTHON}, limit=120)
Row('python debug heap', ['/usr/bin/python3', 'script.py'], files={'script.py': PYTHON}, environ={'PYTHONMALLOC': 'malloc'}, limit=200)
Row('python limited', ['/usr/bin/python3', 'script.py'], files={'script.py': PYTHON_LIMIT})
Row('pypy3', ['pypy3', 'script.py'], files={'script.py': PYTHON.replace("'fork', 'spawn', 'forkserver'", "'fork', 'spawn'")}, limit=200)
Row('java', ['java', '-XX:NativeMemoryTracking=summary', 'Main.java'], files={'Main.java': JAVA}, environ=JAVA_ENVIRON, hide=JAVA_HIDE, limit=200)
Row('java compiler', ['javac', 'Main.java'], files={'Main.java': JAVA}, environ=JAVA_ENVIRON, hide=JAVA_HIDE, limit=200,
    after=lambda place: [place.run('md5sum', 'Main.class')])
Row('java native', ['java', 'Native', '@folder@/native.so'], needs=['javac', 'gcc'], files={'Native.java': NATIVE, 'native.c': JNI},
    prepare=jni, environ=JAVA_ENVIRON, hide=JAVA_HIDE, limit=120)
Row('node', ['node', 'script.js'], files={'script.js': NODE}, limit=120)
Row('ruby', ['ruby3.1', 'script.rb'], files={'script.rb': RUBY}, limit=120)
Row('php', ['php8.2', '-n', 'script.php'], files={'script.php': PHP})
Row('luajit', ['luajit', 'script.lua'], files={'script.lua': LUA})
Row('erlang', ['erl', '-noshell', '-noinput', '-eval', ERLANG], limit=120)
Row('go with cgo', ['./program'], needs=['go', 'gcc'], files={'main.go': GO}, limit=60,
    environ={'GOFLAGS': ''}, prepare=built('env', 'GO111MODULE=off', 'GOCACHE=@folder@/cache', 'CGO_ENABLED=1', 'go', 'build', '-o', 'program', 'main.go'))
Row('guile', ['guile-3.0', '--no-auto-compile', 'script.scm'], files={'script.scm': GUILE}, limit=120)
Row('tcl', ['tclsh8.6', 'script.tcl'], files={'script.tcl': TCL})
Row('ocaml', ['./program'], needs=['ocamlopt'], files={'main.ml': OCAML},
    prepare=built('ocamlopt', '-o', 'program', 'main.ml'))
Row('sbcl', ['sbcl', '--script', 'script.lisp'], files={'script.lisp': LISP})
Row('ecl', ['ecl', '--norc', '--shell', 'script.lisp'], files={'script.lisp': LISP})
Row('mono', ['mono', 'program.exe'], needs=['mcs'], files={'program.cs': CSHARP}, prepare=built('mcs', '-out:program.exe', 'program.cs'), limit=120)
Row('r', ['R', '--vanilla', '--slave', '-f', 'script.R'], files={'script.R': R}, limit=120)
Row('prolog', ['swipl', 'script.pl'], files={'script.pl': PROLOG}, limit=120)
Row('rust', ['./program'], needs=['rustc'], files={'main.rs': RUST}, prepare=built('rustc', '-o', 'program', 'main.rs'), hide=[r'main.rs:\S+'])
