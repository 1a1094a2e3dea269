"""Pictures, drawings and films: many libraries, plugins, vector code, and a collector that scans memory (inkscape)."""
from row import Row

ENCODE = r'''
ffmpeg -nostdin -v error -f lavfi -i testsrc2=duration=1:size=320x240:rate=25 -f lavfi -i sine=frequency=440:duration=1 \
  -c:v libx264 -preset ultrafast -threads 4 -c:a flac -y film.mkv; echo "encoded $?"
ffmpeg -nostdin -v error -i film.mkv -map 0:v -f framemd5 - | grep -v '^#' | wc -l
ffmpeg -nostdin -v error -i film.mkv -vf scale=160:-2,hflip -frames:v 5 -f image2 -y shot%d.png; echo "scaled $?"
ffprobe -v error -show_entries stream=codec_name,width,nb_read_frames -count_frames -of csv film.mkv
ffmpeg -nostdin -v error -i missing.mkv -f null - ; echo "missing $?"
'''
PICTURES = r'''
convert -size 300x200 plasma:red-blue -seed 7 -blur 0x2 -resize 50% a.png; echo "made $?"
convert a.png -rotate 30 -colors 16 -charcoal 1 b.gif && identify -format '%m %w %h\n' a.png b.gif
montage a.png b.gif -tile 2x1 -geometry 80x60+2+2 c.jpg; compare -metric AE a.png a.png null: 2>&1; echo " compared $?"
convert missing.png d.png 2>/dev/null; echo "missing $?"
'''
DRAWING = '''<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><defs><linearGradient id="g"><stop stop-color="red"/>
<stop offset="1" stop-color="blue"/></linearGradient><filter id="f"><feGaussianBlur stdDeviation="2"/></filter></defs>
<rect width="90" height="80" fill="url(#g)" filter="url(#f)"/><path d="M100 10 C 150 0 150 90 190 90" stroke="green" fill="none"/>
<text x="20" y="60" font-size="20">a text</text></svg>'''
Row('ffmpeg', ['bash', 'script'], needs=['ffmpeg', 'ffprobe'], files={'script': ENCODE}, limit=120, hide=[r'0x[0-9a-f]+'])
Row('imagemagick', ['bash', 'script'], needs=['convert', 'montage', 'compare'], files={'script': PICTURES}, limit=120)
Row('inkscape', ['inkscape', '--export-type=png', '--export-filename=out.png', 'drawing.svg'], files={'drawing.svg': DRAWING},
    limit=120, forgive={'errors': 'it names what of the desktop it misses'}, after=lambda place: [place.run('md5sum', 'out.png')])
