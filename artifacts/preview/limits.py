"""How far a text may go before a part of it is shown as plain text.

Every limit is counted on the text, never timed, so the live preview and the finished document decide alike. A limit
that is passed changes how something looks, never what is there: the words stay.
"""

CONTAINER_DEPTH = 32  # open containers at once; a list counts twice, with its item
INLINE_DEPTH = 24  # emphasis in emphasis in a link
TABLE_COLUMNS = 128

# Of a code block the beginning is coloured: up to so many characters and tokens (real code has one for 2 to 5
# characters, white space included), to a line this long, to so many blank lines.
HIGHLIGHT_CHARS = 6_000
HIGHLIGHT_TOKENS = 1_500
CODE_LINE_CHARS = 400
CODE_BLANK_LINES = 20
CODE_ERRORS = 20  # what the language does not know
CODE_WINDOW_CHARS = 500  # that one expression may look at

HTML_TAG_CHARS = 400  # an unfinished tag at the end of a live text is held back this long

# The cost of a page is its elements, and links cost most. Real documents have an element for 10 to 60 characters, dense
# tables one for 4. A block beyond these, an allowance and a part of its length, is shown as it was typed.
ELEMENT_ALLOWANCE = 2_000
ELEMENT_CHARS = 3
LINK_ALLOWANCE = 200
LINK_CHARS = 16

# The same for blocks: beyond one for BLOCK_CHARS characters read so far, a line begins no block, it is text.
BLOCK_CHARS = 3
BLOCK_ALLOWANCE = 600

TAIL_CHARS = 4_000  # of HTML, or
TAIL_SOURCE_CHARS = 16_000  # of text: a tail longer than this is rendered again
TAIL_GROWTH = 8  # only when the text has grown by an eighth of it

LATE_LABELS = 40  # a piece that refers to more labels than this learns at completion what was defined behind it
