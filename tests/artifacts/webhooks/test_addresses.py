"""Where a webhook may go, whatever an address is written as or wrapped in."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from artifacts.errors import InvalidInput
from artifacts.webhooks.addresses import checked_url, is_public


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
        ),
        *("255.255.255.255", "240.0.0.1", "192.0.2.7", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1"),
        *("2002:7f00:1::", "2002:0a00:0001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "fec0::1"),
    ],
)
def test_inner_machines_are_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_machines_of_the_internet_are(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.org/hook",
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://",
            "https://:443/",
            "http://a:0/",
        ),
        *("http://a:99999/", "http://me:geheim@example.org/", "https://example.org/#top", "http://exa mple.org/"),
        *(
            "http://example.org/\r\nX: y",
            "http://[::1/",
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[fe80::1%25eth0]/",
        ),
        *("http://[::ffff:10.0.0.1]:80/", "https://example.org/" + "x" * 1_000),
    ],
)
def test_address_that_is_none_is_refused_with_its_field(url):
    with pytest.raises(InvalidInput) as caught:
        checked_url(url, allows_private=False)
    assert caught.value.field == "url"
    assert "geheim" not in caught.value.detail


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://example.org/a%20b?x=1&y[]=2 ", "https://example.org/a%20b?x=1&y[]=2"),
        ("http://EXAMPLE.org:8080", "http://example.org:8080/"),
        ("https://bücher.example/größe?q=é", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%A9"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("http://[2606:4700::1111]:8080/x", "http://[2606:4700::1111]:8080/x"),
    ],
)
def test_address_is_kept_in_ascii(typed, kept):
    assert checked_url(typed, allows_private=False) == kept
    assert checked_url(kept, allows_private=False) == kept
