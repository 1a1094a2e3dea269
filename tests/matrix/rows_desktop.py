"""A browser without a screen, with its own sandbox: many processes, its own allocator, filters in each."""
from row import Row

PAGE = '''<!doctype html><title>a page</title><body><p id=out>not run</p><canvas id=c width=200 height=100></canvas><script>
const table = new Map(); for (let i = 0; i < 50000; i++) table.set('k' + i, [i]);
const c = document.getElementById('c').getContext('2d'); c.fillStyle = 'red'; c.fillRect(5, 5, 50, 50);
let text = ''; for (let i = 0; i < 300; i++) { const p = document.createElement('p'); p.textContent = 'row ' + i; document.body.append(p); }
new Worker(URL.createObjectURL(new Blob(['let s = 0; for (let i = 0; i < 1e6; i++) s += i; postMessage(s)']))).onmessage =
  e => document.getElementById('out').textContent = table.size + ' ' + c.getImageData(10, 10, 1, 1).data.join() + ' ' + e.data;
</script>'''
CHROMIUM = ['/usr/lib/chromium/chromium', '--headless', '--disable-gpu', '--no-first-run', '--user-data-dir=@folder@/profile',
            '--virtual-time-budget=20000', '--dump-dom', 'file://@folder@/page.html']
NOISE = {'errors': 'it names what of the desktop it misses, with times', 'left processes': 'its crash handler ends later'}


def sandboxed(place):
  status, _ = place.run('unshare', '-Ur', 'true', as_host=True)
  return None if status == 0 else 'its sandbox needs user namespaces, which are off here'


Row('chromium', CHROMIUM, user=True, files={'page.html': PAGE}, only=sandboxed, limit=300, forgive=NOISE,
    dormant='its allocator is in the executable')
