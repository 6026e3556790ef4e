"""An adapter for Redis, without any library: what it says of errors is what counts."""
import json
import socket
import sys

CAS = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 else return 0 end"


def say(**message):
    print(json.dumps(message), flush=True)


class NotSent(Exception):
    """Nothing went to the server: the call certainly did not happen."""


class Refused(Exception):
    """The server said no."""


class Redis:
    def __init__(self, address, seconds):
        host, _, port = address.rpartition(":")
        self.address, self.seconds, self.stream = (host.strip("[]"), int(port)), seconds, None

    def ask(self, *words):
        if self.stream is None:
            try:
                self.stream = socket.create_connection(self.address, self.seconds).makefile("rwb")
            except OSError as e:
                raise NotSent(f"no-connection: {e}")
        try:
            self.stream.write(b"*%d\r\n" % len(words))
            for word in (str(w).encode() for w in words):
                self.stream.write(b"$%d\r\n%s\r\n" % (len(word), word))
            self.stream.flush()
            return self.answer()
        except OSError:
            self.stream = None
            raise

    def answer(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("connection lost")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b"$" and rest == b"-1":
            return None
        if kind == b"$":
            return self.stream.read(int(rest) + 2)[:-2].decode()
        return rest.decode()


hello = json.loads(sys.stdin.readline())["hello"]
# Half of the deadline, so that this program and not its end says that there was no answer.
redis = Redis(hello["addr"], hello["deadline_ms"] / 1000 / 2)
say(ready={"v": 1, "ops": ["read", "write", "cas"]})
for line in sys.stdin:
    m = json.loads(line)
    try:
        if m["op"] == "read":
            value = redis.ask("GET", m["key"])
            say(id=m["id"], ok=None if value is None else int(value))
        elif m["op"] == "write":
            redis.ask("SET", m["key"], m["value"])
            say(id=m["id"], ok=None)
        elif m["op"] == "cas":
            swapped = redis.ask("EVAL", CAS, 1, m["key"], m["from"], m["to"])
            say(id=m["id"], **({"ok": None} if swapped == "1" else {"fail": "mismatch"}))
        else:
            say(id=m["id"], fail="unsupported")
    except NotSent as e:
        say(id=m["id"], fail=str(e))
    except TimeoutError as e:
        say(id=m["id"], info=f"timeout: {e}")
    except Exception as e:
        say(id=m["id"], info=f"error: {e}")
