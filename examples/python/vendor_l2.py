#!/usr/bin/env python3
"""A vendor's L2 configurator: takes the work orders of its own domain and carries them out on a toy switch.

Written from docs/asyncapi.json alone ("How a configurator plugs in", at the channels of work orders). It keeps a small
state file, so that it may be killed at any instant, and any number of times: what it had in hand comes again, and is
done once.

The toy switch is a JSON file that it reads anew for each operation, to be changed by hand while it runs:
  "holds"        what stands where: {"device/port:vlan": {"service_id", "relocation", "presence"}}
  "refuse"       service ids whose edits the switch rejects
  "unreachable"  devices that do not answer: it tries again, and tells so
  "slow_ms"      how long each operation takes

Example:
  ./vendor_l2.py --domain vendor-x --switch switch.json --state vendor-x.state.json
"""

import argparse
import datetime
import json
import os
import signal
import sys
import time

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

# Orders handed over ahead of time. Few: another process of ours could be doing what waits here.
PREFETCH = 4
# Tries of an operation whose device does not answer, and the pause after the first; each further one is twice as long.
TRIES, FIRST_PAUSE = 5, 0.2
# We stop trying so many seconds before the order's deadline, to still say so in time.
MARGIN = 1.0
# Reports kept for each relocation: the last one, and the one an inspect may ask about.
KEPT = 4
DONE = {"outcome": "done"}


def failed(reason, text):
    return {"outcome": "failed", "reason": reason, "text": text}


class Superseded(Exception):
    """A newer order of the same relocation has begun."""


class Failure(Exception):
    """An operation did not work. `transient`: trying again may help."""

    def __init__(self, reason, text, transient=False):
        super().__init__(text)
        self.reason, self.text, self.transient = reason, text, transient

    def outcome(self):
        return failed(self.reason, self.text)

    def failure(self):
        return {"reason": self.reason, "text": self.text}


def write(path, value):
    """Replaces a file as a whole, durably: a kill at any instant leaves the old one or the new one."""
    beside = f"{path}.new"
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def read(path, otherwise):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return otherwise
    except ValueError as error:
        sys.exit(f"vendor_l2.py: {path} is not JSON: {error}")


class Memory:
    """What must outlive us: for each relocation the highest fencing token begun, and what we concluded."""

    def __init__(self, path):
        self.path = path
        self.relocations = read(path, {})

    def of(self, order):
        return self.relocations.setdefault(order["relocation"], {"begun": 0, "reports": {}})

    def begin(self, order):
        """Before any change: a newer order has not begun, and from now on no older one may."""
        known, token = self.of(order), fencing_token(order["id"])
        if token < known["begun"]:
            raise Superseded
        if token > known["begun"]:
            known["begun"] = token
            write(self.path, self.relocations)

    def concluded(self, order_id):
        return self.relocations.get(order_id.split(":")[0], {}).get("reports", {}).get(order_id)

    def conclude(self, order, report):
        """Before it is said: what was said once is said again, whatever happens in between."""
        reports = self.of(order)["reports"]
        reports.pop(order["id"], None)
        reports[order["id"]] = report
        while len(reports) > KEPT:
            del reports[next(iter(reports))]
        write(self.path, self.relocations)


def fencing_token(order_id):
    """`relocation:seq:index`: the token is seq."""
    return int(order_id.split(":")[1])


class Switch:
    """The toy: a file that says what stands where. Every operation means *ensure*."""

    def __init__(self, path, wait):
        self.path, self.wait = path, wait

    def reach(self, device, service):
        """What it holds, or why it can't be told."""
        toy = read(self.path, {})
        self.wait(toy.get("slow_ms", 0) / 1000)
        toy = read(self.path, {})
        if device in toy.get("unreachable", []):
            raise Failure("unreachable", f"no answer from {device}", transient=True)
        if service in toy.get("refuse", []):
            raise Failure("rejected", f"{device}: edit rejected for {service}")
        return toy, toy.setdefault("holds", {})

    def edit(self, order, device, change):
        service = order["request"]["service_id"]
        toy, holds = self.reach(device, service)
        before = json.dumps(holds)
        change(holds)
        if json.dumps(holds) != before:
            write(self.path, toy)

    def reserve(self, order):
        """Hold the new place, short of service."""
        old, new = spots(order)

        def change(holds):
            held = holds.get(new)
            not_anothers(order, new, held)
            # What is in service stays so; where nothing moves, the service stands here.
            if held and (held["presence"] == "installed" or old == new):
                return
            holds[new] = holding(order, "reserved")

        self.edit(order, order["request"]["new"]["l2_device"], change)

    def release(self, order):
        """Take our reservation back; nothing there is success, and what is in service is not touched."""
        new = spots(order)[1]

        def change(holds):
            held = holds.get(new)
            ours = held and held["service_id"] == order["request"]["service_id"]
            if ours and held["relocation"] == order["relocation"] and held["presence"] != "installed":
                del holds[new]

        # A device that rejects new edits still takes its own back.
        device = order["request"]["new"]["l2_device"]
        toy = read(self.path, {})
        if device in toy.get("unreachable", []):
            raise Failure("unreachable", f"no answer from {device}", transient=True)
        change(toy.setdefault("holds", {}))
        write(self.path, toy)

    def install(self, order):
        old, new = spots(order)

        def change(holds):
            held = holds.get(new)
            not_anothers(order, new, held)
            if not (held and held["presence"] == "installed"):
                holds[new] = holding(order, "installed")

        self.edit(order, order["request"]["new"]["l2_device"], change)

    def tear_down(self, order):
        old, new = spots(order)

        def change(holds):
            held = holds.get(old)
            if held and held["service_id"] == order["request"]["service_id"] and old != new:
                del holds[old]

        self.edit(order, order["request"]["old"]["l2_device"], change)

    def look(self, order):
        """What this circuit has at both ends."""
        service = order["request"]["service_id"]
        toy = read(self.path, {})
        for end in ("old", "new"):
            if order["request"][end]["l2_device"] in toy.get("unreachable", []):
                raise Failure("unreachable", "no answer", transient=True)

        def presence(spot):
            held = toy.get("holds", {}).get(spot)
            return held["presence"] if held and held["service_id"] == service else "absent"

        old, new = spots(order)
        return {"old": presence(old), "new": presence(new)}


def spots(order):
    """Where the circuit stands and where it goes, on our layer: port and VLAN."""

    def spot(place):
        inner = f".{place['inner_vlan']}" if place.get("inner_vlan") else ""
        return f"{place['l2_device']}/{place['l2_port']}:{place['vlan']}{inner}"

    return spot(order["request"]["old"]), spot(order["request"]["new"])


def holding(order, presence):
    return {
        "service_id": order["request"]["service_id"],
        "relocation": order["relocation"],
        "presence": presence,
        "description": order["request"]["description"],
    }


def not_anothers(order, spot, held):
    if held and held["service_id"] != order["request"]["service_id"]:
        raise Failure("conflict", f"{spot} is {held['presence']} for {held['service_id']}")


class Configurator:
    """Takes orders, carries them out, replies."""

    def __init__(self, given):
        self.given = given
        self.parameters = pika.URLParameters(given.url)
        self.parameters.heartbeat = 20
        self.parameters.client_properties = {"connection_name": f"L2 configurator of {given.domain}"}
        self.queue = given.queue or f"{given.domain}.l2"
        self.memory = Memory(given.state)
        self.switch = Switch(given.switch, self.wait)
        self.connection = None
        self.channel = None

    # -- the broker -------------------------------------------------------------------------------------------------

    def run(self):
        """For ever: a lost connection is made anew, and what was in hand comes again."""
        pause = 0.2
        while True:
            try:
                self.connect()
                pause = 0.2
                print(f"taking orders from {self.queue}", flush=True)
                self.channel.start_consuming()
                return
            except ChannelClosedByBroker as error:
                if error.reply_code in (403, 404, 406):
                    sys.exit(f"vendor_l2.py: the broker refuses: {error.reply_text}")
                self.lost(error, pause)
            except (AMQPError, OSError) as error:
                self.lost(error, pause)
            pause = min(pause * 2, 5.0)

    def lost(self, error, pause):
        print(f"no connection ({error!r}), trying again", file=sys.stderr, flush=True)
        time.sleep(pause)

    def connect(self):
        self.connection = pika.BlockingConnection(self.parameters)
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.channel.queue_declare(self.queue, durable=True, arguments={"x-queue-type": "quorum"})
        self.channel.queue_bind(self.queue, f"{self.given.prefix}.work", f"l2.{self.given.domain}")
        self.channel.basic_qos(prefetch_count=PREFETCH)
        self.channel.basic_consume(self.queue, self.delivered)

    def wait(self, seconds):
        """Waits, and keeps the connection alive meanwhile."""
        if seconds > 0:
            self.connection.sleep(seconds)

    def delivered(self, channel, method, properties, body):
        try:
            order = json.loads(body)
            if order["v"] != 1 or order["layer"] != "l2":
                raise ValueError(f"version {order['v']} for {order['layer']}")
            fencing_token(order["id"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            print(f"an order can't be read and is set aside: {error!r}: {body[:200]!r}", file=sys.stderr, flush=True)
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        try:
            self.take(order)
        except Superseded:
            print(f"{order['id']} {order['kind']}: superseded", flush=True)
        # Only now: what it led to is durable, and the broker has the reply.
        channel.basic_ack(method.delivery_tag)

    def say(self, order, report, what):
        """Publishes a reply and waits until the broker has it."""
        reply = {"v": 1, "order": order["id"], "attempt": order["attempt"], "layer": "l2", **report}
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            type="reply.v1",
            message_id=f"{order['id']}:{what}",
            correlation_id=order["relocation"],
            # The broker checks it; Rehome may let only this user answer for our domain (access.configurators).
            user_id=self.parameters.credentials.username,
            timestamp=int(time.time()),
            app_id="vendor-l2",
        )
        print(f"{order['id']} {order['kind']}: {json.dumps(report, ensure_ascii=False)}", flush=True)
        self.channel.basic_publish(
            f"{self.given.prefix}.replies",
            f"l2.{self.given.domain}",
            json.dumps(reply, ensure_ascii=False).encode(),
            properties,
            mandatory=True,
        )

    # -- orders -----------------------------------------------------------------------------------------------------

    def take(self, order):
        kind = order["kind"]
        print(f"{order['id']} {kind} for {order['request']['service_id']}", flush=True)
        if kind == "notice":
            # It changes nothing, so it needs no fence.
            self.say(order, {"report": "noticed"}, "done")
            return
        self.memory.begin(order)
        known = self.memory.concluded(order["id"])
        if known is None:
            known = self.carry_out(order)
            self.memory.conclude(order, known)
        # What is concluded is said, the first time and each time the order comes again.
        self.say(order, {key: value for key, value in known.items() if key != "rollback"}, "done")
        if known["report"] == "reserve" and known["outcome"] == "failed":
            self.roll_back(order, known)

    def carry_out(self, order):
        kind = order["kind"]
        if kind == "reserve":
            return {"report": "reserve", **self.outcome(order, self.switch.reserve)}
        if kind == "release":
            return {"report": "release", **self.outcome(order, self.switch.release)}
        if kind == "cutover":
            return self.cut_over(order)
        if kind == "inspect":
            return self.inspect(order)
        # An install rollback is for L3; a switch has nothing to do for it.
        return {"report": "install_rolled_back", **DONE}

    def roll_back(self, order, known):
        """Our own rollback after a reserve that failed, told in a message of its own."""
        if "rollback" not in known:
            known = {**known, "rollback": self.outcome(order, self.switch.release)}
            self.memory.conclude(order, known)
        self.say(order, {"report": "rolled_back", **known["rollback"]}, "rolled_back")

    def cut_over(self, order):
        """The new place comes into service before the old is taken out, and the old stays if the new did not come up."""
        try:
            self.attempt(order, self.switch.install)
        except Failure as failure:
            return {"report": "cutover_refused", "failure": failure.failure()}
        return {"report": "cutover_l2", **self.outcome(order, self.switch.tear_down)}

    def inspect(self, order):
        report = {"report": "inspected", "found": None}
        try:
            report["found"] = self.attempt(order, self.switch.look)
        except Failure:
            pass  # It can't be told.
        concluded = self.memory.concluded(order.get("about") or ":")
        if concluded:
            report["concluded"] = concluded
        return report

    def outcome(self, order, operation):
        try:
            self.attempt(order, operation)
            return DONE
        except Failure as failure:
            return failure.outcome()

    def attempt(self, order, operation):
        """One operation, tried again while it may pass and there is time."""
        pause, deadline = FIRST_PAUSE, datetime.datetime.fromisoformat(order["deadline"]).timestamp()
        for tried in range(1, TRIES + 1):
            try:
                return operation(order)
            except Failure as failure:
                if not failure.transient or tried == TRIES or time.time() + pause > deadline - MARGIN:
                    raise
                next_at = datetime.datetime.fromtimestamp(time.time() + pause, datetime.timezone.utc).isoformat()
                report = {"report": "retrying", "tried": tried, "failure": failure.failure(), "next_at": next_at}
                self.say(order, report, f"{operation.__name__}:try{tried}:{next_at}")
                self.wait(pause)
                pause *= 2


def arguments():
    class Formatter(argparse.RawDescriptionHelpFormatter):
        def __init__(self, prog):
            super().__init__(prog, width=100)

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=Formatter)
    parser.add_argument("--domain", required=True, help="our domain, as it is configured at Rehome (amqp.domains)")
    parser.add_argument("--switch", required=True, metavar="FILE", help="the toy switch")
    parser.add_argument("--state", required=True, metavar="FILE", help="what must outlive us; made if it is not there")
    parser.add_argument("--queue", metavar="NAME", help="our own queue (default: DOMAIN.l2)")
    parser.add_argument(
        "--url",
        default=os.environ.get("REHOME_AMQP", "amqp://guest:guest@127.0.0.1:5672/%2f"),
        help="the broker: amqp://user:password@host:port/vhost (default: $REHOME_AMQP, or guest on this machine)",
    )
    parser.add_argument("--prefix", default="rehome", help="what the names of Rehome's exchanges begin with")
    return parser.parse_args()


def main():
    given = arguments()
    if not os.path.exists(given.switch):
        sys.exit(f"vendor_l2.py: there is no {given.switch}: copy switch.json, or make it with {{\"holds\": {{}}}}")
    # What is in hand comes again, to us or to another process of ours.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        Configurator(given).run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
