// Sessions and statements over HTTP as a program, and as a page of another site, sends them.
#include <algorithm>
#include <future>

#include "rest_answer.hpp"
#include "running_web_server.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kBasic = "Authorization: Basic YWxpY2U6d29uZGVyLGxhbmQ=\r\n";   // alice:wonder,land
const std::string kWrong = "Authorization: Basic YWxpY2U6d29uZGVyLGxhbmQh\r\n";   // alice:wonder,land!
const std::string kJson = "Content-Type: application/json\r\n";

struct NoSink : master::ResultSink {
  void columns(std::span<const data::Column>) override {}
  void rows(const data::Batch&) override {}
  void complete(const std::string&) override {}
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}
};

class RestClients : public Http {
 protected:
  std::string send(const std::string& method, const std::string& target, const std::string& body, const std::string& headers) const {
    return talk(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
  }
  std::string ask(const std::string& sql, const std::string& headers = "") const {
    return send("POST", "/rest/queries", R"({"query": ")" + sql + R"("})", kBasic + kJson + headers);
  }
  /// The text after `"name":"` in an answer.
  static std::string field(const std::string& answer, const std::string& name) {
    const std::string mark = "\"" + name + "\":\"";
    const std::size_t at = answer.find(mark);
    if (at == std::string::npos) return {};
    return answer.substr(at + mark.size(), answer.find('"', at + mark.size()) - at - mark.size());
  }
  std::string session() const { return field(send("POST", "/rest/sessions", "{}", kBasic + kJson), "id"); }
};

TEST_F(RestClients, PasswordsComeWithTheRequest) {
  EXPECT_THAT(get("/rest/queries"), AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Basic realm=\"tajo\"\r\n"), HasSubstr("\"resultCode\":\"28000\"")));
  EXPECT_THAT(get("/api/status"), AllOf(StartsWith("HTTP/1.1 401 "), Not(HasSubstr("WWW-Authenticate"))));
  EXPECT_THAT(get("/rest/queries", kWrong), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/rest/queries", "Authorization: Bearer YWxpY2U6d29uZGVyLGxhbmQ=\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/rest/queries", "Authorization: Basic ===\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/rest/queries", "Authorization: Basic\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/rest/queries", kBasic), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\"queries\":[]")));
  EXPECT_THAT(get("/api/status", kBasic), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/", kBasic), StartsWith("HTTP/1.1 303 "));  // the page is for who has logged in
  EXPECT_THAT(get("/rest/queries", log_in()), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestClients, ARememberedPasswordEndsWithTheSecret) {
  EXPECT_THAT(get("/rest/queries", kBasic), StartsWith("HTTP/1.1 200 "));
  service_.add_user("alice", "");
  EXPECT_THAT(get("/rest/queries", kBasic), StartsWith("HTTP/1.1 401 "));
  service_.add_user("alice", secret());
  EXPECT_THAT(get("/rest/queries", kBasic), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestClients, OnlyAFewPasswordsAreCheckedAtOnce) {
  EXPECT_THAT(get("/rest/queries", kBasic), StartsWith("HTTP/1.1 200 "));
  std::vector<std::future<std::string>> wrong;
  for (int i = 0; i < 6; ++i) wrong.push_back(std::async(std::launch::async, [&] { return get("/rest/queries", kWrong); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_THAT(get("/rest/queries", kBasic), StartsWith("HTTP/1.1 200 "));  // remembered: nothing is checked
  int busy = 0;
  for (auto& answer : wrong) busy += answer.get().starts_with("HTTP/1.1 429 ");
  EXPECT_EQ(busy, 2);
}

TEST_F(RestClients, SessionsAndVariables) {
  std::string opened = send("POST", "/rest/sessions", R"({"userName": "alice", "databaseName": "tpch"})", kBasic + kJson);
  EXPECT_THAT(opened, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(R"("resultCode":"00000")"), HasSubstr(R"("variables":{"timezone":"UTC"})")));
  const std::string id = field(opened, "id");
  EXPECT_EQ(service_.left, 1);  // no connection has it
  const std::string variables = "/rest/sessions/" + id + "/variables";
  EXPECT_THAT(get(variables, kBasic), HasSubstr(R"("variables":{"timezone":"UTC"})"));
  EXPECT_THAT(send("PUT", variables, R"({"variables": {"TimeZone": "it's", "a.b": 5, "c": true, "d": null}})", kBasic + kJson), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(service_.log(), AllOf(Contains("SET \"timezone\" = 'it''s'"), Contains("SET \"a\".\"b\" = '5'"), Contains("SET \"c\" = 'on'"), Contains("RESET \"d\"")));
  for (const char* bad : {R"({"variables": {"x y": 1}})", R"({"variables": {"a": [1]}})", R"({"variables": 1})", R"({})", R"({"variables": {"all": null}})", R"({"variables": {"": 1}})"})
    EXPECT_THAT(send("PUT", variables, bad, kBasic + kJson), StartsWith("HTTP/1.1 400 ")) << bad;
  EXPECT_THAT(send("POST", "/rest/sessions", R"({"userName": "bob"})", kBasic + kJson), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(send("POST", "/rest/sessions", R"({"databaseName": "none"})", kBasic + kJson), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("3D000")));
  EXPECT_THAT(ask("SELECT 1", "X-Tajo-Session: " + id + "\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(send("DELETE", "/rest/sessions/" + id, "", kBasic), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(send("DELETE", "/rest/sessions/" + id, "", kBasic), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("08003")));
  EXPECT_THAT(get(variables, kBasic), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("SELECT 1", "X-Tajo-Session: " + id + "\r\n"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(RestClients, ASessionBelongsToItsUser) {
  const auto others = service_.open_session({.user = "owner", .database = "default", .client = {}, .settings = {}, .resume = {}}).token;
  EXPECT_THAT(get("/rest/sessions/" + others + "/variables", kBasic), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(send("DELETE", "/rest/sessions/" + others, "", kBasic), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("SELECT 1", "X-Tajo-Session: " + others + "\r\n"), StartsWith("HTTP/1.1 403 "));
}

TEST_F(RestClients, AStatementItsStateAndItsRows) {
  std::string answer = ask("SELECT 1", "X-Tajo-Request-Id: mine\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(R"("requestId":"mine")"), HasSubstr(R"("state":"QUERY_SUCCEEDED")")));
  const std::string id = field(answer, "id");
  EXPECT_EQ(id, "q_1700000000000_0001");
  EXPECT_THAT(get("/rest/queries/" + id, kBasic), AllOf(HasSubstr(R"("requestId":"mine")"), HasSubstr(R"("startTime":1700000000000)"), HasSubstr(R"("finishTime":1700000000012)")));
  EXPECT_THAT(get("/rest/queries/" + id + "/result", kBasic),
              HasSubstr(R"({"query_id":"q_1700000000000_0001","columns":[{"name":"n","type":"INT8"},{"name":"t","type":"TEXT"}],"rows":[[1,"a \"b\""],[2,null]]})"));
  EXPECT_THAT(ask("SELECT error"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr(R"("resultCode":"42703")"), HasSubstr(R"("position":8)"), HasSubstr(R"("hint":"Look again.")")));
  EXPECT_THAT(ask("SELECT crash"), AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr(R"("resultCode":"XX000")")));
  EXPECT_THAT(get("/rest/queries?state=failed&limit=5", kBasic), AllOf(HasSubstr("SELECT error"), Not(HasSubstr("SELECT 1"))));
  EXPECT_THAT(get("/rest/queries/q_1700000000000_0099", kBasic), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/rest/queries/q_1700000000000_0099/result", kBasic), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/rest/queries/q_1700000000000_0002/result", kBasic), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("42809")));
  for (const char* bad : {"q_1_2';--", "", "q_", "q_x_1", "s_1_1", "q_1700000000000_0001/result/1"})
    EXPECT_THAT(get("/rest/queries/" + std::string(bad) + "/result", kBasic), StartsWith("HTTP/1.1 404 ")) << bad;
}

TEST_F(RestClients, OthersQueriesAreNotShown) {
  NoSink nobody;
  service_.visit({.user = "owner", .session = {}, .request_id = "r", .sql = "SELECT 1"}, nobody);
  EXPECT_THAT(get("/rest/queries/q_1700000000000_0001", kBasic), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(get("/rest/queries/q_1700000000000_0001/result", kBasic), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(get("/rest/queries", kBasic), HasSubstr("\"queries\":[]"));
}

TEST_F(RestClients, ALongStatementIsToldOfAndGoesOn) {
  std::string answer = ask("SELECT sleep 1600");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 202 "), HasSubstr(R"("state":"QUERY_RUNNING")")));
  const std::string uri = "/rest/queries/" + field(answer, "id");
  EXPECT_THAT(get(uri, kBasic), HasSubstr(R"("state":"QUERY_RUNNING")"));
  EXPECT_THAT(get(uri + "/result", kBasic), AllOf(StartsWith("HTTP/1.1 409 "), HasSubstr("Retry-After: 1")));
  server_->stop();  // waits for it
  EXPECT_EQ(service_.running, 0);
}

TEST(RestAnswers, StatusSaysWhetherToTryAgain) {
  const std::pair<const char*, int> wanted[] = {{"57P01", 503}, {"57P03", 503}, {"08006", 503}, {"08007", 503}, {"40001", 503}, {"53100", 503}, {"53200", 503},
                                                {"58030", 503}, {"53300", 429}, {"42501", 403}, {"28000", 403}, {"08003", 404}, {"55000", 410}, {"54000", 413},
                                                {"22012", 400}, {"42601", 400}, {"57014", 400}, {"54001", 400}, {"XX000", 500}, {"XX001", 500}, {"58P01", 500}};
  for (const auto& [state, status] : wanted) {
    EXPECT_EQ(http::status_of(state), status) << state;
    const auto answer = http::failure(Error(state, "why").at(3));
    EXPECT_EQ(answer.body, std::string(R"({"message":"why","position":3,"resultCode":")") + state + "\"}\n");
    EXPECT_EQ(std::ranges::count(answer.headers, std::pair<std::string, std::string>("Retry-After", "1")), status == 503 || status == 429) << state;
  }
}

TEST_F(RestClients, BadRequestsHaveOneClearLine) {
  auto post_json = [&](const std::string& body) { return send("POST", "/rest/queries", body, kBasic + kJson); };
  EXPECT_THAT(post_json("{"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("the body is not JSON")));
  EXPECT_THAT(post_json(""), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(post_json("[1]"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("must be a JSON object")));
  EXPECT_THAT(post_json(R"({"query": 5})"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("must be a text")));
  EXPECT_THAT(post_json(R"({"query": "SELECT \u0000"})"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("zero byte")));
  EXPECT_THAT(post_json(R"({"sql": "SELECT 1"})"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("missing")));
  EXPECT_THAT(post_json("{\"query\": \"\xff\"}"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(post_json(std::string(100'000, '[')), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(post_json(R"({"query": ")" + std::string(2'000'000, 'x') + R"("})"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(post_json(R"({"query": "SELECT 1", "x": ")" + std::string(900'000, 'x') + R"("})"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("SELECT 1", "X-Tajo-Session: a b\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("SELECT 1", "X-Tajo-Request-Id: " + std::string(200, 'x') + "\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get("/rest/queries?state=lost", kBasic), StartsWith("HTTP/1.1 400 "));
  for (const char* limit : {"0", "-1", "5x", "100000"}) EXPECT_THAT(get("/rest/queries?limit=" + std::string(limit), kBasic), StartsWith("HTTP/1.1 400 ")) << limit;
  EXPECT_THAT(get("/rest/nothing", kBasic), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/rest/", kBasic), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(send("PATCH", "/rest/queries", "", kBasic), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD, POST\r\n")));
  EXPECT_THAT(get("/rest/sessions", kBasic), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: POST\r\n")));
  EXPECT_THAT(post("/rest/queries/q_1_0002/result", "", kBasic), StartsWith("HTTP/1.1 405 "));
}

TEST_F(RestClients, AnotherSiteCannotUseTheCookie) {
  const std::string cookie = log_in(), body = R"x({"query": "INSERT INTO t VALUES (1)"})x";
  for (const char* type : {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
                           "Content-Type: multipart/form-data; boundary=application/json\r\n", "Content-Type: text/plain; x=application/json\r\n"})
    EXPECT_THAT(send("POST", "/rest/queries", body, cookie + type), StartsWith("HTTP/1.1 415 ")) << type;
  EXPECT_THAT(send("PUT", "/rest/sessions/1/variables", "{}", cookie + "Content-Type: text/plain\r\n"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(send("DELETE", "/rest/queries/q_1700000000000_0001", "", cookie), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(send("DELETE", "/rest/sessions/1", "", cookie), StartsWith("HTTP/1.1 415 "));
  // the question before a script's request from elsewhere is not answered
  std::string preflight = send("OPTIONS", "/rest/queries", "", "Origin: http://elsewhere\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_THAT(preflight, AllOf(StartsWith("HTTP/1.1 405 "), Not(HasSubstr("Access-Control"))));
  EXPECT_THAT(service_.log(), Not(Contains(StartsWith("insert"))));
  EXPECT_THAT(send("POST", "/rest/queries", body, cookie + "Content-Type: Application/JSON; charset=utf-8\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(service_.log(), Contains(StartsWith("insert")));
}

TEST_F(RestClients, MoreStatementsThanThreadsAreTurnedAway) {
  std::vector<std::string> answers;
  for (int round = 0; round < 3; ++round) {  // each connection is held for a second
    std::vector<std::future<std::string>> asked;
    for (int i = 0; i < 7; ++i) asked.push_back(std::async(std::launch::async, [&] { return ask("SELECT sleep 8000"); }));
    for (auto& answer : asked) answers.push_back(answer.get());
  }
  EXPECT_EQ(std::ranges::count_if(answers, [](const std::string& a) { return a.starts_with("HTTP/1.1 202 "); }), 16);
  EXPECT_EQ(std::ranges::count_if(answers, [](const std::string& a) { return a.starts_with("HTTP/1.1 503 ") && a.find("Retry-After: 1\r\n") != std::string::npos; }), 5);
  for (int i = 1; i <= 40; ++i) service_.cancel("session-" + std::to_string(i));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_THAT(ask("SELECT 1"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(RestClients, ClientsThatAskFirstAreAnswered) {
  const std::string body = R"({"query": "SELECT 1"})";
  int fd = connect();
  const std::string head = "POST /rest/queries HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + kBasic + kJson + "\r\n";
  ::send(fd, head.data(), head.size(), MSG_NOSIGNAL);
  char buffer[256];
  ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
  EXPECT_EQ(std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0), "HTTP/1.1 100 Continue\r\n\r\n");
  ::send(fd, body.data(), body.size(), MSG_NOSIGNAL);
  EXPECT_THAT(rest_of(fd), StartsWith("HTTP/1.1 200 "));
  ::close(fd);
}

}  // namespace
}  // namespace tajo::testing
