"""How far a text may go before a part of it is shown as plain text.

Every limit is counted on the text, never timed, so the live preview and the finished document decide alike. A limit
that is passed changes how something looks, never what is there: the words stay.
"""

CONTAINER_DEPTH = 32  # open containers at once; a list counts twice, with its item
INLINE_DEPTH = 24  # emphasis in emphasis in a link
TABLE_COLUMNS = 128
HIGHLIGHT_CHARS = 12_000  # of one fence; what follows stays plain
HTML_TAG_CHARS = 400  # an unfinished tag at the end of a live text is held back this long

# The cost of a page is its elements. A real document has one for 10 to 60 characters; a block that has more than one
# for ELEMENT_CHARS characters, beyond an allowance, is shown as it was typed.
ELEMENT_CHARS = 8
ELEMENT_ALLOWANCE = 600

TAIL_CHARS = 4_000  # of HTML: a tail longer than this is rendered again
TAIL_GROWTH = 8  # only when the text has grown by an eighth of it
