#!/usr/bin/env python3
"""Load for demo/service.c: a few connections, a steady rate, a bounded time, then SHUTDOWN.

Every twentieth request is one that the service does not understand: there it leaks. Prints how
many there were of each.
"""
import argparse
import random
import socket
import sys
import threading
import time

KEYS = 2000  # more than the cache has slots, so it fills up and then replaces


def connect(port):
  connection = socket.create_connection(("127.0.0.1", port), timeout=10)
  connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  return connection.makefile("rw", newline="\n")


def ask(stream, line):
  stream.write(line + "\n")
  stream.flush()
  return stream.readline().rstrip("\n")


def request(random_source, count):
  """A request line and the beginnings of the answers that are right."""
  key = f"key-{random_source.randrange(KEYS)}"
  if count % 20 == 0:
    return f"HTTP/1.1 {key}", ("ERROR",)
  if count % 2:
    return f"GET {key}", ("VALUE", "NONE")
  return f"SET {key} " + "v" * random_source.randrange(20, 400), ("OK",)


def client(port, seed, rate, seconds, results):
  random_source = random.Random(seed)
  start = time.monotonic()
  count = 0
  errors = 0
  while time.monotonic() - start < seconds:
    stream = connect(port)
    for _ in range(500):  # requests a connection
      count += 1
      line, right = request(random_source, count)
      answer = ask(stream, line)
      if not answer.startswith(right):
        raise SystemExit(f"load: {line!r} was answered {answer!r}")
      errors += answer == "ERROR"
      ahead = start + count / rate - time.monotonic()
      if ahead > 0:
        time.sleep(ahead)
    stream.close()
  results.append((count, errors))


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("port", type=int)
  parser.add_argument("--seconds", type=float, default=10)
  parser.add_argument("--clients", type=int, default=3)
  parser.add_argument("--rate", type=float, default=1000, help="requests a second for each client")
  arguments = parser.parse_args()

  results = []
  threads = [threading.Thread(target=client, daemon=True,
                              args=(arguments.port, seed, arguments.rate, arguments.seconds, results))
             for seed in range(arguments.clients)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join(arguments.seconds + 30)
  if len(results) != arguments.clients:
    print("load: a client did not finish", file=sys.stderr)
    return 1

  if ask(connect(arguments.port), "SHUTDOWN") != "BYE":
    print("load: the service did not say BYE", file=sys.stderr)
    return 1
  print(f"load: {sum(r[0] for r in results)} requests, {sum(r[1] for r in results)} of them bad")
  return 0


if __name__ == "__main__":
  sys.exit(main())
