"""A client of /rest as a program without our libraries writes it: http.client, JSON, name and password with each request."""
import base64
import http.client
import json
import time


class Rest:
    """Asks masters by their web ports; the next request may go to another one."""

    def __init__(self, ports, user, password):
        self.ports = ports
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def ask(self, master, method, path, body=None, session=None, request=None, headers=None):
        """(status, JSON); raises OSError or HTTPException when the master is not there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[master], timeout=30)
        sent = {"Authorization": self.authorization, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        if session:
            sent["X-Tajo-Session"] = session
        if request:
            sent["X-Tajo-Request-Id"] = request
        try:
            connection.request(method, path, None if body is None else body if isinstance(body, str) else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def statement(self, master, sql, session=None, request=None):
        return self.ask(master, "POST", "/rest/queries", {"query": sql}, session, request)

    def open(self, master, **body):
        status, answer = self.ask(master, "POST", "/rest/sessions", body)
        if status != 200:
            raise AssertionError(f"no session: {status} {answer}")
        return answer["id"]

    def again(self, master, *arguments, patience_s=30, **named):
        """Asks until the answer is neither "try again" (429, 503) nor none at all."""
        end = time.time() + patience_s
        while True:
            try:
                status, answer = self.ask(master, *arguments, **named)
                if status not in (429, 503):
                    return status, answer
            except (OSError, http.client.HTTPException):
                pass
            if time.time() > end:
                raise AssertionError(f"master {master} does not answer {arguments}")
            time.sleep(0.1)

    def ended(self, master, query, patience_s=60):
        """The query when it has ended."""
        end = time.time() + patience_s
        while time.time() < end:
            status, answer = self.again(master, "GET", f"/rest/queries/{query}")
            if status != 200 or answer["query"]["state"] != "QUERY_RUNNING":
                return status, answer.get("query", answer)
            time.sleep(0.1)
        raise AssertionError(f"{query} goes on: {answer}")
