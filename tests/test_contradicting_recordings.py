"""AEDAT files that contradict themselves, their headers or their tables, and files of another camera: errors."""

import struct

import numpy as np
import pytest

from art_snn.data.formats import read_events
from art_snn.events import make_events
from tests.recordings import (
    AEDAT3_COMMENTS,
    DECLARED,
    FRAME,
    SIDE,
    Aedat4,
    aedat2,
    aedat3_packet,
    aedat3_special,
    aedat4_info,
    aedat4_packet,
    stream,
    write,
)

EVENTS = stream()
PACKETS = [(1, aedat4_packet(EVENTS[:15])), (0, FRAME), (1, aedat4_packet(EVENTS[15:]))]
WHOLE = Aedat4(PACKETS, 0).build()
TABLE = WHOLE.index(b"FTAB") - 8  # its byte


def of_vector(n: int) -> bytes:
    """A packet whose vector says that it is of this length."""
    packet = bytearray(PACKETS[0][1])
    packet[28:32] = struct.pack("<I", n)
    return bytes(packet)


def without_vector() -> bytes:
    packet = bytearray(PACKETS[0][1])
    packet[16:18] = bytes(2)  # where its layout says that there is one
    return bytes(packet)


def hidden_events() -> bytes:
    """A packet whose vector begins in its fourth event, and ends where it should."""
    packet = bytearray(PACKETS[0][1])
    packet[24:28] = struct.pack("<I", 92 - 24)
    packet[92:96] = struct.pack("<I", 11)
    return bytes(packet)


@pytest.mark.parametrize("compression", [0, 1, 3])
@pytest.mark.parametrize("with_table", [True, False])
@pytest.mark.parametrize(
    ("packets", "complaint"),
    [
        ([(1, of_vector(14)), *PACKETS[1:]], "items of 16 bytes that fill .* got 14"),
        ([(1, of_vector(7)), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([(1, of_vector(0)), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([(1, of_vector(16)), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([(1, of_vector(2**32 - 1)), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([(1, without_vector()), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([(1, hidden_events()), *PACKETS[1:]], "items of 16 bytes that fill"),
        ([PACKETS[0], (1, FRAME), PACKETS[2]], "EVTS in stream 1, got b'FRME'"),
        ([PACKETS[0], (0, PACKETS[2][1])], "FRME in stream 0, got b'EVTS'"),
        ([PACKETS[0], (2, PACKETS[2][1])], r"stream that the header declares, \[0, 1\], got 2"),
        ([PACKETS[0], (-1, PACKETS[2][1])], r"stream that the header declares, \[0, 1\], got -1"),
        ([PACKETS[0], (1, PACKETS[2][1].replace(b"EVTS", b"EVTT"))], "EVTS in stream 1, got b'EVTT'"),
        ([PACKETS[0], (1, PACKETS[2][1] + bytes(16))], "buffer says itself|Zstandard"),
        ([PACKETS[0], (1, PACKETS[2][1][:-16])], "buffer says itself|frame|Zstandard"),
        ([PACKETS[2], PACKETS[1], PACKETS[0]], "times in order"),
    ],
)
def test_packets_of_aedat4_that_contradict_themselves_or_the_header_are_an_error(
    tmp_path, packets, complaint, compression, with_table
):
    counts = [(0, 0, 0)] * len(packets)  # as older files have it
    content = Aedat4(packets, compression, with_table=with_table, counts=counts).build()

    with pytest.raises(ValueError, match=complaint):
        read_events(write(tmp_path, "aedat4", content), (SIDE, SIDE))


def table_says(number: int, *said: int) -> bytes:
    """A file whose table says this of one of its packets, and the truth of the others."""
    counts = Aedat4(PACKETS).true_counts()
    counts[number] = (said[0], said[1], said[2])
    return Aedat4(PACKETS, counts=counts).build()


T = EVENTS["t"].tolist()
TAMPERED = {
    "fewer events": (table_says(0, 14, T[0], T[14]), "what the table lists.*15 events"),
    "more events": (table_says(2, 26, T[15], T[-1]), "what the table lists.*25 events"),
    "another first time": (table_says(2, 25, T[15] + 1, T[-1]), "what the table lists"),
    "another last time": (table_says(2, 25, T[15], T[-1] + 1), "what the table lists"),
    "a packet less": (Aedat4(PACKETS, entries=lambda entries: entries[:-1]).build(), "expected"),
    "a packet more": (Aedat4(PACKETS, entries=lambda entries: [*entries, entries[0]]).build(), "4 packets.*got 3"),
    "no packets": (Aedat4(PACKETS, entries=lambda entries: []).build(), "expected"),
    "another order": (Aedat4(PACKETS, entries=lambda entries: entries[::-1]).build(), "packet that the table lists"),
    "bytes behind it": (Aedat4(PACKETS, behind=b"\0").build(), "LZ4 frame and nothing else"),
    "bytes behind it, not packed": (Aedat4(PACKETS, 0, behind=b"\0").build(), "buffer says itself"),
    "bytes behind it, Zstandard": (Aedat4(PACKETS, 3, behind=b"\0").build(), "Zstandard frame and nothing else"),
}


@pytest.mark.parametrize("tampered", TAMPERED)
def test_a_table_of_aedat4_that_does_not_list_its_packets_is_an_error(tmp_path, tampered):
    content, complaint = TAMPERED[tampered]

    with pytest.raises(ValueError, match=complaint):
        read_events(write(tmp_path, "aedat4", content), (SIDE, SIDE))


def test_a_table_that_lacks_a_packet_of_the_file_is_an_error(tmp_path):
    whole = Aedat4(PACKETS).build()
    shorter = Aedat4(PACKETS[:2]).build()
    table = shorter[shorter.index(struct.pack("<I", 0x184D2204), len(shorter) - 200) :]  # the last LZ4 frame
    body = whole[: whole.rindex(struct.pack("<I", 0x184D2204))]

    with pytest.raises(ValueError, match="expected"):
        read_events(write(tmp_path, "aedat4", body + table), (SIDE, SIDE))


def test_a_table_of_older_files_without_numbers_is_held_against_the_packets_alone(tmp_path):
    content = Aedat4(PACKETS, counts=[(0, 0, 0)] * 3).build()

    assert np.array_equal(read_events(write(tmp_path, "aedat4", content), (SIDE, SIDE)), EVENTS)


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        ("", "XML"),
        (aedat4_info(DECLARED, SIDE)[:-1], "XML"),
        ("<!DOCTYPE dv [<!ENTITY a 'b'>]>" + aedat4_info(DECLARED, SIDE), "XML without declarations"),
        ("<dv/>", "a stream of EVTS, got"),
        (aedat4_info({0: "FRME", 1: "EVTT"}, SIDE), r"a stream of EVTS, got \['FRME', 'EVTT'\]"),
        (aedat4_info(DECLARED, SIDE).replace('name="1"', 'name="one"'), "streams to be numbered, got 'one'"),
        (" " * (1 << 20) + aedat4_info(DECLARED, SIDE), "at most 1048576 bytes of XML"),
    ],
)
def test_a_header_of_aedat4_that_declares_no_events_is_an_error(tmp_path, info, complaint):
    with pytest.raises(ValueError, match=rf"expected {complaint}.*in the header"):
        read_events(write(tmp_path, "aedat4", Aedat4(PACKETS, info=info).build()), (SIDE, SIDE))


def test_a_header_of_aedat4_that_ends_at_a_later_packet_is_an_error(tmp_path):
    content = bytearray(Aedat4(PACKETS, 0, with_table=False).build())
    last = content.rindex(struct.pack("<ii", 1, len(PACKETS[2][1])))
    content[14:18] = struct.pack("<I", last - 18)  # the first events would be part of it

    with pytest.raises(ValueError, match="in the header"):
        read_events(write(tmp_path, "aedat4", bytes(content)), (SIDE, SIDE))


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        (b"#!AER-DAT4.0\r\n", b"#!AER-DAT4.0\n\r", "expected the line"),
        (b"IOHE", b"IOHF", "buffer of b'IOHE', got b'IOHF' in the header"),
        (b"FTAB", b"FTAC", "buffer of b'FTAB', got b'FTAC'"),
        (b"</dv>\0", b"</dv>\1", "items of 1 bytes that fill .* in the header"),
        (struct.pack("<q", TABLE), struct.pack("<q", TABLE + 1), "expected at most .* bytes in"),
        (struct.pack("<q", TABLE), struct.pack("<q", 1 << 40), "table of packets within .* at byte 1099511627776"),
        (struct.pack("<q", TABLE), struct.pack("<q", 9), "table of packets within .* at byte 9"),
        (struct.pack("<q", TABLE), struct.pack("<q", -1), "stream that the header declares"),
        (struct.pack("<q", TABLE), struct.pack("<q", -2), "table of packets within"),
    ],
)
def test_parts_of_aedat4_that_are_not_what_they_are_taken_for_are_an_error(tmp_path, was, becomes, complaint):
    assert WHOLE.count(was) == 1

    with pytest.raises(ValueError, match=complaint):
        read_events(write(tmp_path, "aedat4", WHOLE.replace(was, becomes)), (SIDE, SIDE))


def test_an_event_off_the_camera_that_the_file_declares_is_an_error(tmp_path):
    content = Aedat4([(1, aedat4_packet(make_events([3, 90], [3, 3], [1, 2], [0, 1])))], side=64).build()

    with pytest.raises(ValueError, match=r"x in \[0, 64\), got 90 in event 1"):
        read_events(write(tmp_path, "aedat4", content), (SIDE, SIDE))


FEW = EVENTS[:15]


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        (aedat3_packet(FEW, kind=5), r"a type of .*got 5"),  # a microphone's are as large
        (aedat3_packet(FEW, kind=17), r"a type of .*got 17"),
        (aedat3_packet(FEW, kind=-32767), r"a type of .*got -32767"),  # packed
        (aedat3_packet(FEW, kind=3), "events of 36 bytes, got 8"),
        (aedat3_packet(FEW, kind=2), "events of 36 bytes, got 8"),
        (aedat3_packet(FEW, kind=0), "special events of kinds below 19"),
        (aedat3_packet(FEW, size=4), "events of 8 bytes, got 4"),
        (aedat3_packet(FEW, offset=0), "times at byte 4 of an event, got 0"),
        (aedat3_packet(FEW, source=2), "the events of source 1 alone, got source 2"),
        (aedat3_packet(FEW, overflow=-1), "numbers that fit"),
        (aedat3_packet(FEW, number=16, valid=15), "numbers that fit"),
        (aedat3_packet(FEW, number=7, valid=7), "7 events, got something after"),
        (aedat3_packet(FEW, capacity=-1), "numbers that fit"),
        (aedat3_packet(FEW, capacity=14), "numbers that fit"),
        (aedat3_packet(FEW, valid=14), "14 valid events, got 15"),
        (aedat3_packet(FEW, valid=-1), "numbers that fit"),
        (aedat3_packet(FEW, capacity=16), "numbers that fit"),
        (aedat3_packet(make_events([0], [0], [2**31 + 5], [0])), "times of 31 bits"),
        (aedat3_special(2, 19), "special events of kinds below 19, got kind 19"),
    ],
)
def test_a_packet_of_aedat3_that_no_camera_writes_is_an_error_with_its_place(tmp_path, packet, complaint):
    content = AEDAT3_COMMENTS + aedat3_packet(FEW) + packet
    place = len(content) - len(packet)

    with pytest.raises(ValueError, match=rf"expected {complaint}.* in the packet at byte {place}"):
        read_events(write(tmp_path, "aedat3", content), (SIDE, SIDE))


def test_room_for_more_events_in_a_packet_of_aedat3_is_no_damage(tmp_path):
    content = AEDAT3_COMMENTS + aedat3_packet(FEW, capacity=18) + bytes(3 * 8)

    assert np.array_equal(read_events(write(tmp_path, "aedat3", content), (SIDE, SIDE)), FEW)


def davis346(n: int = 40) -> bytes:
    """As jAER and v2e write a DAVIS: 22 bits lower lies the row, 12 the column, 11 the polarity."""
    rng = np.random.default_rng(0)
    address = rng.integers(0, 260, n) << 22 | rng.integers(0, 346, n) << 12 | rng.integers(0, 2, n) << 11
    return np.stack([address, np.arange(n)], axis=1).astype(">u4").tobytes()


@pytest.mark.parametrize(
    ("comments", "records", "complaint"),
    [
        (b"# DAVIS346 recording\r\n", davis346(), "comments that name a DAVIS"),
        (b"# AEChip: eu.seebetter.ini.chips.davis.Davis240C\r\n", bytes(80), "comments that name a DAVIS"),
        (b"# a recording\r\n", davis346(), "0x[0-9a-f]{8} in event 0"),
        (b"", struct.pack(">8I", 5, 0, 9, 1, 7, 2, 0x8000, 3), "0x00008000 in event 3"),
        (b"# \x01 no text\r\n", bytes(79), "of 8 bytes from byte 14|0x23"),
        (b"", b"#abc" + davis346(1)[4:] + b"\n" * 8, "0x23616263 in event 0"),  # not taken for a comment
    ],
)
def test_a_file_of_another_camera_than_a_dvs128_is_named_as_such(tmp_path, comments, records, complaint):
    path = write(tmp_path, "aedat2", b"#!AER-DAT2.0\r\n" + comments + records)

    with pytest.raises(ValueError, match=complaint) as error:
        read_events(path, (346, 260))

    assert "DVS128" in str(error.value) or "bytes after the last whole one" in str(error.value)


@pytest.mark.parametrize("comments", ["# Jörg's préférences:\t1 µs\n", "# DVS128, and no DAVIS\r\n", "#\n#\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_every_printable_comment_is_passed_over(tmp_path, comments, encoding):
    content = aedat2(EVENTS, comments.encode(encoding))

    assert np.array_equal(read_events(write(tmp_path, "aedat2", content), (SIDE, SIDE)), EVENTS)


def test_the_times_of_aedat2_have_31_bits(tmp_path):
    content = aedat2(EVENTS) + struct.pack(">Ii", 5, -5)

    with pytest.raises(ValueError, match="times in order, got -5"):
        read_events(write(tmp_path, "aedat2", content), (SIDE, SIDE))
