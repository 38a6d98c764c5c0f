import unittest

from tablao.core.sse import LONGEST_EVENT_CHARACTERS, Event, EventParser, EventTooLongError

STREAM = ': ping\n\nevent: next\ndata: {"a":\ndata:  "ä"}\r\n\r\n:\n\ndata:plain\r\revent: complete\ndata:\n\n'.encode()
EVENTS = [Event("next", '{"a":\n "ä"}'), Event("message", "plain"), Event("complete", "")]


class Parser(unittest.TestCase):
    def test_gives_events_and_no_comments(self) -> None:
        self.assertEqual(EventParser().feed(STREAM), EVENTS)

    def test_does_not_care_where_the_pieces_are_cut(self) -> None:
        for size in range(1, len(STREAM)):
            parser = EventParser()
            events = []
            for start in range(0, len(STREAM), size):
                events += parser.feed(STREAM[start : start + size])
            self.assertEqual(events, EVENTS, f"in pieces of {size}")

    def test_gives_no_event_that_has_not_ended(self) -> None:
        self.assertEqual(EventParser().feed(b"event: next\ndata: 1\n"), [])

    def test_does_not_fill_the_memory(self) -> None:
        parser = EventParser()
        piece = b"data: " + b"x" * (LONGEST_EVENT_CHARACTERS // 4) + b"\n"
        with self.assertRaises(EventTooLongError):
            for _ in range(5):
                parser.feed(piece)
