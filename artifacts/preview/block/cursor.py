"""One line being read from the left, in columns: a tab reaches to the next multiple of four. Knows no blocks."""

TAB_STOP = 4
CODE_INDENT = 4


class LineCursor:
    """A position in a line; `look` says what stands at it, `advance` moves it."""

    __slots__ = ("blank", "column", "in_tab", "indent", "line", "next", "position")

    def __init__(self, line: str) -> None:
        self.line = line
        self.position = 0
        self.column = 0
        self.in_tab = False  # part of the tab at `position` is used up
        self.next = 0  # where the first character that is no space or tab stands
        self.indent = 0  # columns from here to `next`
        self.blank = False
        self.peek()

    def peek(self) -> None:
        """Finds the first character at or after the position that is neither a space nor a tab."""
        line, index, column = self.line, self.position, self.column
        end = len(line)
        while index < end:
            character = line[index]
            if character == " ":
                column += 1
            elif character == "\t":
                column += TAB_STOP - column % TAB_STOP
            else:
                break
            index += 1
        self.next = index
        self.indent = column - self.column
        self.blank = index == end

    def advance(self, columns: int) -> None:
        """Moves by columns; a tab may be used up in parts."""
        line, end = self.line, len(self.line)
        while columns > 0 and self.position < end:
            if line[self.position] == "\t":
                width = TAB_STOP - self.column % TAB_STOP
                self.in_tab = width > columns
                step = min(width, columns)
                self.column += step
                self.position += 0 if self.in_tab else 1
                columns -= step
            else:
                self.in_tab = False
                self.position += 1
                self.column += 1
                columns -= 1
        self.peek()

    def skip_indent(self) -> None:
        """Moves to `next`."""
        self.position = self.next
        self.column += self.indent
        self.in_tab = False
        self.indent = 0

    def skip_to(self, index: int) -> None:
        """Moves to a character at or after `next`; there is no tab between."""
        self.skip_indent()
        self.column += index - self.position
        self.position = index
        self.peek()

    def at_space(self) -> bool:
        return self.position < len(self.line) and self.line[self.position] in " \t"

    def rest(self) -> str:
        """What is left of the line; the unused part of a tab as spaces."""
        if self.in_tab:
            return " " * (TAB_STOP - self.column % TAB_STOP) + self.line[self.position + 1 :]
        return self.line[self.position :] if self.position else self.line
