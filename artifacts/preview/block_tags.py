"""The tags of blocks in the preview's HTML, as the engine makes it and the sanitiser lets it through."""

BLOCK_TAGS = (
    *("blockquote", "details", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "summary"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
)
