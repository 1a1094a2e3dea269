"""Proxies in front of a small server of files."""
import signal

from row import Row
from rows_web import LINES, answers, browse, get

FILES = {'files/file.txt': LINES, 'files/short.txt': 'short\n'}
HAPROXY = '''global
  nbthread 2
  stats socket @folder@/stats.sock level admin
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  compression algo gzip
frontend in
  bind 127.0.0.1:@port@
  acl denied path_beg /denied
  http-request deny if denied
  http-response set-header X-By haproxy
  default_backend out
backend out
  option redispatch
  retries 5
  server files 127.0.0.1:@port2@
'''
SQUID = '''http_port 127.0.0.1:@port@ accel defaultsite=files no-vhost
cache_peer 127.0.0.1 parent @port2@ 0 no-query originserver name=files
acl all_of_it src all
http_access allow all_of_it
cache_peer_access files allow all_of_it
cache_mem 8 MB
pid_filename @folder@/squid.pid
cache_log @folder@/cache.log
access_log none
coredump_dir @folder@
cache_effective_user nobody
cache_effective_group nogroup
shutdown_lifetime 1 seconds
pinger_enable off
netdb_filename none
'''


def behind(place):
  place.start('python3', '-m', 'http.server', '@port2@', '--bind', '127.0.0.1', '--directory', '@folder@/files')
  return None if place.harness.wait_for(lambda: place.listens(place.port2), 20) else 'no server of files'


Row('haproxy', ['haproxy', '-W', '-f', '@folder@/haproxy.cfg'], files=dict(FILES, **{'haproxy.cfg': HAPROXY}), prepare=behind,
    ready=answers, stop=signal.SIGUSR1, work=lambda place: browse('/file.txt', '/short.txt', clients=2, number=10)(place) +
    [get(place, '/denied')[0], place.talk('show info\n', unix='stats.sock').split('\n')[:1],
     place.talk('disable server out/files\n', unix='stats.sock'), get(place, '/short.txt')[0],
     place.talk('enable server out/files\n', unix='stats.sock')])
Row('squid', ['squid', '--foreground', '-n', 'matrix', '-f', '@folder@/squid.conf'], files=dict(FILES, **{'squid.conf': SQUID}),
    root=True, prepare=lambda place: behind(place) or (place.run('chown', '-R', 'nobody', '@folder@')[0] and 'chown fails') or None,
    ready=answers, work=browse('/file.txt', '/short.txt', clients=2, number=10),
    forgive={'errors': 'its log is in a file; what stays on the terminal depends on when that is opened'})
VCL = '''vcl 4.1;
import std;
backend files { .host = "127.0.0.1"; .port = "@port2@"; }
sub vcl_recv { if (req.url ~ "^/denied") { return (synth(403)); } std.collect(req.http.cookie); }
sub vcl_deliver { set resp.http.X-Hits = obj.hits; }
'''
Row('varnish', ['varnishd', '-F', '-n', '@folder@/v', '-a', '127.0.0.1:@port@', '-f', '@folder@/some.vcl', '-s', 'malloc,20m', '-j', 'none'],
    needs=['gcc'], files=dict(FILES, **{'some.vcl': VCL}), prepare=behind, ready=answers,
    work=lambda place: browse('/file.txt', '/short.txt', clients=4, number=20)(place) + [get(place, '/denied')[0]],
    forgive={'threads': 'its pools grow by load'})
