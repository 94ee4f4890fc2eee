"""A connection to RabbitMQ that comes back, and a way to ask Rehome and get the answer.

Used by order_client.py and override.py. vendor_l2.py stands alone, to be copied from.
"""

import argparse
import json
import os
import sys
import time
import uuid

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

# How long a program tries to reach the broker before it gives up.
PATIENCE = 60.0
# The pause between two tries grows up to this.
LONGEST_PAUSE = 5.0
# An own queue that nobody reads any more is deleted by the broker after this time.
QUEUE_EXPIRES_MS = 3_600_000

# Exit codes, for scripts.
DONE, NOT_DONE, BAD_USAGE, TROUBLE = 0, 1, 2, 3


class Trouble(Exception):
    """Something that a person must look at; its text is for them."""


class Link:
    """A connection with one channel on which publishing is confirmed, and one queue of our own.

    The queue outlives a lost connection, so nothing that was sent to us meanwhile is missed.
    """

    def __init__(self, url, prefix, name, bindings=()):
        try:
            self.parameters = pika.URLParameters(url)
        except (ValueError, AttributeError) as error:
            raise Trouble(f"--url {url!r} is no AMQP URL: {error}") from error
        self.parameters.heartbeat = 20
        self.parameters.blocked_connection_timeout = 60
        self.parameters.client_properties = {"connection_name": name}
        # The user the broker knows us by: every command must say it, and the broker checks it.
        self.user = self.parameters.credentials.username
        self.exchange = lambda short: f"{prefix}.{short}"
        self.queue = f"{self.user}.{name}.{uuid.uuid4()}"
        self.bindings = list(bindings)
        self.connection = None
        self.channel = None

    def open(self):
        """Connects, again and again until PATIENCE is over, and makes the queue."""
        pause, give_up = 0.2, time.monotonic() + PATIENCE
        while True:
            try:
                self.connection = pika.BlockingConnection(self.parameters)
                self.channel = self.connection.channel()
                self.channel.confirm_delivery()
                self.channel.queue_declare(
                    self.queue, durable=True, arguments={"x-expires": QUEUE_EXPIRES_MS}
                )
                for short, key in self.bindings:
                    self.channel.queue_bind(self.queue, self.exchange(short), key)
                return
            except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError) as error:
                raise Trouble(f"the broker does not let {self.user!r} in: check user, password and vhost") from error
            except ChannelClosedByBroker as error:
                raise Trouble(f"the broker refuses the queue {self.queue}: {error.reply_text}") from error
            except (AMQPError, OSError) as error:
                if time.monotonic() > give_up:
                    raise Trouble(f"the broker can't be reached: {error!r}") from error
                print(f"no connection ({error!r}), trying again", file=sys.stderr)
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def again(self, do):
        """Does something over the connection, over a new one as often as it is lost."""
        while True:
            try:
                return do()
            except ChannelClosedByBroker as error:
                raise Trouble(f"the broker refuses it: {error.reply_text}") from error
            except (UnroutableError, NackError) as error:
                raise Trouble("the broker has no queue for it: is Rehome set up there, with this prefix?") from error
            except (AMQPError, OSError) as error:
                print(f"the connection is lost ({error!r}), connecting again", file=sys.stderr)
                self.open()

    def command(self, key, body, message_id):
        """Publishes a command and waits until the broker has it. The same message_id counts once, so this may be done again."""
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=message_id,
            correlation_id=message_id,
            reply_to=self.queue,
            type=f"{key}.v1",
            user_id=self.user,
            timestamp=int(time.time()),
            app_id="rehome-examples",
        )
        data = json.dumps(body, ensure_ascii=False).encode()
        self.again(
            lambda: self.channel.basic_publish(self.exchange("commands"), key, data, properties, mandatory=True)
        )

    def messages(self, timeout):
        """Yields what comes into the queue, acknowledged, until nothing came for so many seconds: then None, once."""
        while True:
            got = self.again(lambda: self._next(timeout))
            yield got
            if got is None:
                return

    def _next(self, timeout):
        for method, properties, body in self.channel.consume(self.queue, inactivity_timeout=timeout):
            if method is None:
                return None
            self.channel.basic_ack(method.delivery_tag)
            return method.routing_key, properties, json.loads(body)

    def close(self):
        """Deletes the queue and lets go."""
        try:
            self.channel.cancel()
            self.channel.queue_delete(self.queue)
            self.connection.close()
        except (AMQPError, OSError, AttributeError):
            pass  # The broker deletes the queue by itself when it expires.


def options(parser):
    """Adds what every program needs to know of the broker."""
    parser.add_argument(
        "--url",
        default=os.environ.get("REHOME_AMQP", "amqp://guest:guest@127.0.0.1:5672/%2f"),
        help="the broker: amqp://user:password@host:port/vhost (default: $REHOME_AMQP, or guest on this machine)",
    )
    parser.add_argument("--prefix", default="rehome", help="what the names of Rehome's exchanges begin with")
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="how many seconds to wait for an answer (default: 60)"
    )


def sentence(answer):
    """An answer in words."""
    if answer["answer"] == "accepted":
        return "accepted"
    why = answer.get("why") or {key: value for key, value in answer.items() if key not in ("answer",)}
    word = why.get("why_not") or why.get("rejected") or "?"
    rest = {key: value for key, value in why.items() if key not in ("why_not", "rejected", "relocation")}
    told = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rest.items())
    return f"{answer['answer']}: {word}" + (f" ({told})" if told else "")


def run(main):
    """Runs a program: trouble is told in one line."""
    try:
        sys.exit(main())
    except Trouble as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        sys.exit(TROUBLE)
    except KeyboardInterrupt:
        sys.exit(130)


def formatter(prog):
    """Help as it is written."""
    return argparse.RawDescriptionHelpFormatter(prog, width=100)
