#!/usr/bin/env python3
"""Gives Rehome a command by message and prints the answer.

Who may do what is decided at Rehome, by the broker's user: operators deploy, retry and cancel, supervisors force too,
admins pause and resume too.

Examples:
  ./override.py force-reservation 0193… --reason "the port is free, checked on site" --expected-version 7
  ./override.py cancel 0193… --reason "the customer stays"
  ./override.py deploy-cutover 0193…
  ./override.py pause --device gw-02 --reason "line card swap"
  ./override.py drain --domain vendor-x --reason "their new release" --timeout 3600

Exit code: 0 accepted, and for a drain all at rest; 1 refused or rejected; 2 the command line is of no use; 3 no answer, or
not yet at rest (send it again with the --message-id it names: it counts once).
"""

import argparse
import json
import uuid

from link import DONE, NOT_DONE, Link, Trouble, formatter, options, run, sentence

# The verbs with their routing keys, and whether a reason must be given.
TICKET = {
    "deploy-reservation": ("deploy.reservation", False, "begin reserving what was submitted with `hold`"),
    "deploy-cutover": ("deploy.cutover", False, "begin cutting over"),
    "force-reservation": ("override.force_reservation", True, "go on to the cutover although the reservation failed"),
    "force-completion": ("override.force_completion", True, "close although the cutover failed"),
    "retry-reservation": ("retry.reservation", False, "reserve anew"),
    "retry-rollback": ("retry.rollback", False, "send a failed rollback again"),
    "retry-cutover": ("retry.cutover", False, "cut over again"),
    "cancel": ("cancel", True, "give up before the cutover begins"),
}
STEER = {
    "pause": ("steer.pause", "let nothing begin: everywhere, in a domain, or on a device"),
    "drain": ("steer.drain", "pause, and wait until nothing is under way there any more"),
    "resume": ("steer.resume", "lift a pause or drain of the same scope"),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, (_, needs_reason, what) in TICKET.items():
        one = verbs.add_parser(verb, help=what, description=what, formatter_class=formatter)
        one.add_argument("relocation", type=uuid.UUID, metavar="UUID", help="the relocation")
        one.add_argument("--reason", required=needs_reason, help="why, for the journal")
        one.add_argument(
            "--expected-version", type=int, metavar="N", help="refuse if it has moved on since its event `seq` N"
        )
        common(one)
    for verb, (_, what) in STEER.items():
        one = verbs.add_parser(verb, help=what, description=what, formatter_class=formatter)
        scope = one.add_mutually_exclusive_group(required=True)
        scope.add_argument("--everything", action="store_true", help="all there is")
        scope.add_argument("--domain", metavar="NAME", help="what has to do with devices of this domain")
        scope.add_argument("--device", metavar="NAME", help="what has to do with this device")
        one.add_argument("--reason", required=True, help="why, for whoever meets the pause")
        common(one)
    return parser.parse_args()


def common(parser):
    parser.add_argument("--message-id", metavar="ID", help="the same as before, to send it again (default: a new one)")
    parser.add_argument("--json", action="store_true", help="print the answer as it came")
    options(parser)


def command(given):
    """The routing key and the body."""
    body = {"v": 1}
    if given.verb in STEER:
        body["scope"] = "domain" if given.domain else "device" if given.device else "everything"
        if given.domain or given.device:
            body["name"] = given.domain or given.device
        body["reason"] = given.reason
        return STEER[given.verb][0], body
    body["relocation"] = str(given.relocation)
    if given.reason is not None:
        body["reason"] = given.reason
    if given.expected_version is not None:
        body["expected_version"] = given.expected_version
    return TICKET[given.verb][0], body


def main():
    given = arguments()
    key, body = command(given)
    message_id = given.message_id or str(uuid.uuid4())
    # That all is at rest is told as an event, perhaps long after the answer.
    drains = given.verb == "drain"
    link = Link(given.url, given.prefix, "override", [("events", "steering.drained")] if drains else [])
    link.open()
    # Rehome's name for the message is made of ours and of who we are.
    drained = f"drained:amqp:{link.user.replace('%', '%25').replace(':', '%3A')}:{message_id}"
    accepted, at_rest = False, not drains
    try:
        link.command(key, body, message_id)
        for got in link.messages(given.timeout):
            if got is None:
                what = "not yet at rest" if accepted else "no answer"
                raise Trouble(f"{what} within {given.timeout:g} s; to send it again: --message-id {message_id}")
            key, properties, told = got
            if key == "steering.drained":
                # It may overtake the answer.
                at_rest = at_rest or told["id"] == drained
            elif properties.correlation_id == message_id:
                print(json.dumps(told, ensure_ascii=False) if given.json else sentence(told), flush=True)
                accepted = told["answer"] == "accepted"
                if not accepted:
                    return NOT_DONE
            if accepted and at_rest:
                return DONE
    finally:
        link.close()


if __name__ == "__main__":
    run(main)
