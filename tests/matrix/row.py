"""A row of the matrix: one program, what it is made to do, and what may differ from run to run.

A command is a row without `work`: it runs to its end. A server has `ready` and `work`: it is started, waited for,
used, looked at while it stands, and stopped.
"""
import os
import signal

ALL = {}


class Row:
  def __init__(self, name, command, *, needs=(), files=None, environ=None, prepare=None, ready=None,
               work=None, stop=signal.SIGTERM, after=None, user=False, root=False, limit=200, forgive=(), hide=(),
               inexact='', unknown_frees='', dormant='', at_least=0, preloads=(), only=None,
               stdin=b''):
    """
    needs: programs that have to be there besides command[0]; only(place): a reason to skip, or None
    files: name -> text; prepare(place): what has to be done before the host starts
    ready(place): true when the server answers (default: it listens on @port@); work(place): what it answered, as lines
    stop: a signal, or a function of the place; after(place): what the host left, as lines
    user: not as root; root: as root only
    forgive: {aspect: why it is not compared}; hide: regular expressions of what is different in each run
    inexact, unknown_frees, dormant: the documented reason for it, where that is how it has to be
    at_least: so many blocks have to be in the report
    preloads: libraries that are preloaded in every run
    """
    self.name, self.command, self.needs = name, list(command), list(needs)
    self.files, self.environ = dict(files or {}), dict(environ or {})
    self.prepare, self.ready, self.work, self.stop, self.after = prepare, ready, work, stop, after
    self.user, self.root, self.limit, self.stdin = user, root, limit, stdin
    self.forgive, self.hide = dict(forgive), list(hide)
    self.inexact, self.unknown_frees, self.dormant = inexact, unknown_frees, dormant
    self.at_least, self.preloads, self.only = at_least, list(preloads), only
    assert name not in ALL, name
    ALL[name] = self

  def missing(self, place):
    """Why the row cannot be tried here, or None."""
    for name in ([self.command[0]] if not self.command[0].startswith('.') else []) + self.needs:
      if not (os.path.exists(name) if '/' in name else place.which(name)) and '@' not in name:
        return 'no %s here' % name
    if self.root and os.getuid() != 0:
      return 'needs root'
    return self.only(place) if self.only else None
