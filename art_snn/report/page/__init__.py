"""One page that tells all of a sweep, readable offline, on a phone and on paper."""

from art_snn.report.page.write import page_text, write_page

__all__ = ["page_text", "write_page"]
