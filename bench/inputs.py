"""Inputs of the programs: made when first asked for, the same on each machine, of two sizes."""
import json
import os
import random

WORDS = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau'.split()


def records(n):
  source = random.Random(1)
  for i in range(n):
    yield {'id': i, 'name': source.choice(WORDS) + str(source.randrange(10000)), 'price': source.randrange(10**6) / 100,
           'tags': source.sample(WORDS, source.randrange(1, 6)), 'on': {'x': source.random(), 'y': source.random()}}


def make_json(n):
  return json.dumps(list(records(n)))


def make_xml(n):
  rows = ('<item id="%d" name="%s"><price>%.2f</price>%s</item>\n' % (
    r['id'], r['name'], r['price'], ''.join('<tag>%s</tag>' % tag for tag in r['tags'])) for r in records(n))
  return '<?xml version="1.0"?>\n<items>\n%s</items>\n' % ''.join(rows)


def make_sql(n):
  rows = ("INSERT INTO item VALUES (%d, '%s', %.2f, '%s');\n" % (
    r['id'], r['name'], r['price'], ' '.join(r['tags'])) for r in records(n))
  return '''CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, tags TEXT);
CREATE INDEX by_name ON item (name);
BEGIN;
%sCOMMIT;
SELECT tags, count(*), sum(price) FROM item GROUP BY tags ORDER BY 2 DESC LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name WHERE a.id < b.id;
''' % ''.join(rows)


def make_c(n):
  """n functions with loops, switches and calls: work for every pass."""
  text = '#include <stddef.h>\n'
  for i in range(n):
    text += '''
int f%d(const int *a, size_t n, int k)
{
	int sum = %d;
	for (size_t i = 0; i + 1 < n; i++) {
		switch ((a[i] ^ k) & 7) {
		case 0: sum += a[i] * %d; break;
		case 1: sum -= a[i + 1] >> 1; break;
		case 2: sum ^= k << (i & 3); break;
		case 5: sum += %s; break;
		default: sum = sum * 31 + a[i];
		}
	}
	return sum %% (k | 1);
}
''' % (i, i, i * 7 + 3, 'f%d(a + 1, n - i - 1, sum)' % (i - 1) if i else '1')
  return text


PYTHON = '''
import json
rows = json.load(open(%r))
for i in range(%d):
  text = json.dumps(rows)
  rows = json.loads(text)
'''

PERL = '''
my %%count; my $length = 0;
for my $i (1 .. %d) {
  my $line = join(",", map { "key" . ($i * $_ %% 7919) } 1 .. 6);
  for my $word (split /,/, $line) { $count{$word}++; }
  my @sorted = sort { $a cmp $b } (split /,/, $line);
  $length += length(join("-", reverse @sorted));
}
print scalar(keys %%count), " $length\\n";
'''

# name: (suffix, maker, what makes the full size, the small size)
MAKERS = {
  'json': ('json', make_json, 50000, 2000),
  'json_for_python': ('json', make_json, 6000, 600),
  'xml': ('xml', make_xml, 150000, 5000),
  'sql': ('sql', make_sql, 60000, 3000),
  'c': ('c', make_c, 100, 8),
  'perl': ('pl', lambda n: PERL % n, 60000, 3000),
}


def path_of(name, small, folder):
  """The path of an input, made if new. The Python program names an input of its own."""
  path = os.path.join(folder, name + ('-small' if small else '') + '.' + (MAKERS[name][0] if name in MAKERS else 'py'))
  if not os.path.exists(path):
    if name == 'python':
      text = PYTHON % (path_of('json_for_python', small, folder), 1 if small else 6)
    else:
      _, maker, full_size, small_size = MAKERS[name]
      text = maker(small_size if small else full_size)
    with open(path, 'w', encoding='utf-8') as file:
      file.write(text)
  return path
