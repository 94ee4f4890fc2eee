#!/usr/bin/env python3
"""Submits a relocation and follows it to its end.

FILE holds the relocation as JSON: the field `request` of the message order.submit, as docs/asyncapi.json describes it.

Example:
  ./order_client.py order.json --deploy

Exit code: 0 the relocation succeeded; 1 it did not, or it was not accepted; 2 the command line or the file is of no use;
3 the broker or Rehome did not answer (run it again with the same --relocation: it counts once).
"""

import argparse
import json
import sys
import uuid

from link import BAD_USAGE, DONE, NOT_DONE, Link, Trouble, formatter, options, run, sentence


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("file", metavar="FILE", help="the relocation, as JSON; - for standard input")
    parser.add_argument("--relocation", type=uuid.UUID, metavar="UUID", help="the id it is to have (default: a new one)")
    parser.add_argument("--deploy", action="store_true", help="deploy the cutover when it is reserved, instead of a person")
    parser.add_argument("--no-follow", action="store_true", help="end when it is accepted")
    parser.add_argument(
        "--stop-when-waiting", action="store_true", help="end with 1 when it waits for a person, instead of waiting too"
    )
    parser.add_argument("--json", action="store_true", help="print answer and events as they come, one JSON object a line")
    options(parser)
    return parser.parse_args()


def read(path):
    try:
        with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
            request = json.load(file)
    except (OSError, ValueError) as error:
        print(f"order_client.py: {path} can't be read: {error}", file=sys.stderr)
        sys.exit(BAD_USAGE)
    if not isinstance(request, dict) or "service_id" not in request:
        print(f"order_client.py: {path} holds no relocation: an object with `service_id` is expected", file=sys.stderr)
        sys.exit(BAD_USAGE)
    return request


class Following:
    """One relocation, as its events tell."""

    def __init__(self, link, given, relocation):
        self.link, self.given, self.relocation = link, given, relocation
        self.seen = 0
        self.deployed = False

    def tell(self, what, text, body):
        print(json.dumps({what: body}, ensure_ascii=False) if self.given.json else text, flush=True)

    def answer(self, properties, body):
        """An exit code if this ends it."""
        ours = properties.correlation_id == f"submit:{self.relocation}"
        self.tell("answer", f"{self.relocation} {'submit' if ours else 'deploy'}: {sentence(body)}", body)
        if ours and body["answer"] != "accepted":
            return NOT_DONE
        return DONE if ours and self.given.no_follow else None

    def event(self, body):
        """An exit code if this ends it."""
        if body["seq"] <= self.seen:
            return None  # Old news, or the same again.
        self.seen = body["seq"]
        told = [body["status"], body["reservation"] or "-", body["cutover"] or "-", body["disposition"]]
        self.tell("event", f"{body['at']} {body['seq']:>3} {' '.join(told)}", body)
        if body["disposition"] != "open":
            return DONE if body["status"] == "succeeded" else NOT_DONE
        if body["in_flight"]:
            return None
        reserved = body["status"] == "cutover_pending" and body["cutover"] is None
        if reserved and self.given.deploy and not self.deployed:
            self.deployed = True
            command = {"v": 1, "relocation": str(self.relocation), "expected_version": body["seq"]}
            self.link.command("deploy.cutover", command, f"deploy:{self.relocation}:{body['seq']}")
            return None
        if body["status"] == "reservation_pending":
            return None  # It begins when whoever holds it back lets it.
        if not self.given.json:
            print("  it waits for a person", flush=True)
        return NOT_DONE if self.given.stop_when_waiting else None


def main():
    given = arguments()
    request = read(given.file)
    relocation = given.relocation or uuid.uuid4()
    # The queue is bound before anything is sent, so no event is missed.
    link = Link(given.url, given.prefix, "order", [("events", "relocation.#"), ("events", "alarm.#")])
    link.open()
    try:
        following = Following(link, given, relocation)
        body = {"v": 1, "relocation": str(relocation), "request": request}
        link.command("order.submit", body, f"submit:{relocation}")
        answered = False
        while True:
            for got in link.messages(given.timeout):
                if got is None:
                    if not answered:
                        raise Trouble(f"no answer within {given.timeout:g} s; it may still come: --relocation {relocation}")
                    continue
                key, properties, message = got
                code = None
                if key == link.queue:
                    answered = True
                    code = following.answer(properties, message)
                elif message.get("relocation") == str(relocation) and key.startswith("alarm."):
                    following.tell("alarm", f"  alarm {message['alarm']} ({message['severity']})", message)
                elif message.get("relocation") == str(relocation):
                    code = following.event(message)
                if code is not None:
                    return code
    finally:
        link.close()


if __name__ == "__main__":
    run(main)
