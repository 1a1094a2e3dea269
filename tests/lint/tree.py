"""The source tree and the result of a lint; what all lints share."""
import os
import subprocess
import sys

SKIP = 77  # meson: skipped
C_SUFFIXES = (".c", ".h", ".cc")


def files(root, suffixes=None, folders=None):
  """Paths relative to root, sorted: what git knows or would add; without git, all but build folders."""
  try:
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             check=True, capture_output=True).stdout.decode()
    paths = [path for path in listing.split("\0") if path and os.path.isfile(os.path.join(root, path))]
  except (OSError, subprocess.CalledProcessError):
    paths = list(walk(root))
  if suffixes:
    paths = [path for path in paths if path.endswith(tuple(suffixes))]
  if folders:
    paths = [path for path in paths if path.split("/")[0] in folders]
  return sorted(set(paths))


def walk(root):
  for folder, subfolders, names in os.walk(root):
    subfolders[:] = [name for name in subfolders
                     if name not in (".git", "__pycache__") and not name.startswith("build")]
    for name in names:
      yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
  with open(os.path.join(root, path), encoding="utf-8") as file:
    return file.read()


def run(*command):
  return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def skip(why):
  print(f"skipped: {why}")
  sys.exit(SKIP)


def need_file(path):
  if not os.path.exists(path):
    skip(f"{path} is not built")


def finish(problems, checked):
  """Prints each problem and exits: 1 with problems, else 0. A lint that checked nothing has failed."""
  for problem in problems:
    print(problem)
  if not checked:
    print("nothing was checked")
    sys.exit(1)
  print(f"{checked} checked, {len(problems)} problems")
  sys.exit(1 if problems else 0)
