"""Web servers: static files, pages of their own, workers that drop their rights, graceful ends."""
import http.client
import signal
import threading

from row import Row

LINES = ''.join('line %d of a file\n' % i for i in range(3000))


def get(place, path, headers=None, body=None, port=None):
  connection = http.client.HTTPConnection('127.0.0.1', port or place.port, timeout=20)
  try:
    connection.request('POST' if body else 'GET', path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()
  finally:
    connection.close()


def answers(place, path='/file.txt'):
  try:
    return get(place, path)[0] == 200
  except OSError:
    return False


def many(place, path, number, results):
  try:
    results.append({get(place, path) for _ in range(number)})
  except OSError as error:
    results.append({str(error)})


def browse(*paths, clients=4, number=25):
  """Each path from several clients at once; the answers, and how many different ones there were."""
  def work(place):
    lines = []
    for path in paths:
      results = []
      asking = [threading.Thread(target=many, args=(place, path, number, results)) for _ in range(clients)]
      for thread in asking:
        thread.start()
      for thread in asking:
        thread.join()
      lines.append('%s: %s' % (path, sorted(set.union(*results), key=str)))
    lines.append('missing: %s' % get(place, '/missing')[0])
    return lines
  return work


NGINX = '''daemon off;
worker_processes 3;
pid @folder@/nginx.pid;
error_log @folder@/error.log warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path @folder@/body; proxy_temp_path @folder@/proxy; fastcgi_temp_path @folder@/fastcgi;
  uwsgi_temp_path @folder@/uwsgi; scgi_temp_path @folder@/scgi;
  gzip on; gzip_min_length 10; gzip_types text/plain;
  server {
    listen 127.0.0.1:@port@;
    root @folder@/files;
    location /said { default_type text/plain; return 200 "said $arg_what\\n"; }
    location /again/ { proxy_pass http://127.0.0.1:@port@/; }
  }
}
'''
APACHE = '''ServerName localhost
ServerRoot @folder@
Listen 127.0.0.1:@port@
PidFile @folder@/apache.pid
ErrorLog @folder@/error.log
DefaultRuntimeDir @folder@
Mutex file:@folder@
LoadModule mpm_%s_module /usr/lib/apache2/modules/mod_mpm_%s.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
LoadModule status_module /usr/lib/apache2/modules/mod_status.so
LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so
User nobody
Group nogroup
StartServers 2
DocumentRoot @folder@/files
<Location /cgi>
  SetHandler cgi-script
  Options +ExecCGI
</Location>
RewriteEngine on
RewriteRule ^/moved /file.txt [PT]
AddOutputFilterByType DEFLATE text/plain
'''
CGI = '#!/bin/sh\necho "Content-Type: text/plain"\necho\necho "from a child: $QUERY_STRING"; seq 1 100 | tail -1\n'
PHP_FPM = '''[global]
error_log = @folder@/error.log
daemonize = no
[www]
listen = 127.0.0.1:@port@
user = nobody
group = nogroup
pm = static
pm.max_children = 2
'''
PHP_PAGE = '''<?php
$table = []; for ($i = 0; $i < 20000; $i++) $table["key$i"] = str_repeat("x", $i % 50);
ksort($table); echo md5(json_encode($table)), " ", preg_replace('/\\d/', '#', 'a1b2'), " ", $_SERVER['QUERY_STRING'], "\\n";
'''


def apache(name, module, cgi):
  Row('apache2 ' + name, ['apache2', '-D', 'FOREGROUND', '-f', '@folder@/apache.conf'], root=True,
      files={'apache.conf': APACHE % (name, name, cgi, cgi), 'files/file.txt': LINES, 'files/cgi': CGI},
      prepare=lambda place: place.run('chmod', '755', 'files/cgi') and None, ready=answers,
      work=lambda place: browse('/file.txt', '/moved', '/cgi?what=%d' % 5, number=8)(place) +
      [get(place, '/file.txt', {'Accept-Encoding': 'gzip'})[0]],
      stop=signal.SIGWINCH, forgive=module)


def fastcgi(place, query):
  """One FastCGI request, by hand: the page's answer."""
  def pair(name, value):
    return bytes([len(name), len(value)]) + name.encode() + value.encode()

  def record(kind, body):
    return bytes([1, kind, 0, 1, len(body) >> 8, len(body) & 255, 0, 0]) + body
  words = {'SCRIPT_FILENAME': place.path('page.php'), 'REQUEST_METHOD': 'GET', 'QUERY_STRING': query, 'SCRIPT_NAME': '/page.php'}
  parameters = b''.join(pair(*item) for item in words.items())
  return place.talk(record(1, b'\0\1\0\0\0\0\0\0') + record(4, parameters) + record(4, b'') + record(5, b''))


Row('nginx', ['nginx', '-p', '@folder@', '-e', '@folder@/error.log', '-c', '@folder@/nginx.conf'],
    files={'nginx.conf': ('user nobody nogroup;\n' if __import__('os').getuid() == 0 else '') + NGINX, 'files/file.txt': LINES},
    ready=answers, work=browse('/file.txt', '/said?what=x', '/again/file.txt'), stop=signal.SIGQUIT)
apache('prefork', {}, 'cgi')
apache('event', {}, 'cgid')
Row('php-fpm', ['php-fpm8.2', '-F', '-n', '-y', '@folder@/fpm.conf'], root=True, files={'fpm.conf': PHP_FPM, 'page.php': PHP_PAGE},
    work=lambda place: [fastcgi(place, 'n=%d' % (i % 3)).split('\r\n\r\n', 1)[-1] for i in range(12)], stop=signal.SIGQUIT,
    after=lambda place: sorted({line[23:60] for line in place.read('error.log').decode().split('\n')}), hide=[r'pid \d+', r'child \d+'])
Row('python http', ['python3', '-m', 'http.server', '@port@', '--bind', '127.0.0.1', '--directory', '@folder@/files'],
    files={'files/file.txt': LINES}, ready=answers, work=browse('/file.txt', '/'), stop=signal.SIGINT,
    forgive={'errors': 'its log has the times of requests'})
