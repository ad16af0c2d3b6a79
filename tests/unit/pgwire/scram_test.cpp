#include "scram.hpp"

#include <gtest/gtest.h>

#include "tajo/common/error.hpp"

namespace tajo::pgwire {
namespace {

using namespace master;

// The exchange printed in RFC 7677, section 3.
TEST(Scram, ExchangeOfRfc7677) {
  ScramKeys keys = derive_scram_keys("pencil", *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  ScramExchange exchange(keys, "user", "mock");
  exchange.set_nonce_for_test("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  EXPECT_EQ(exchange.first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(exchange.final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                           "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, SecretTextRoundTrips) {
  ScramKeys keys = derive_scram_keys("secret", "0123456789abcdef", 4096);
  auto again = parse_scram_secret(format_scram_secret(keys));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->stored_key, keys.stored_key);
  EXPECT_EQ(again->server_key, keys.server_key);
  EXPECT_EQ(again->salt, keys.salt);
  for (const char* bad : {"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AAAA$AAAA"})
    EXPECT_FALSE(parse_scram_secret(bad)) << bad;
  EXPECT_TRUE(password_matches("secret", format_scram_secret(keys)));
  EXPECT_FALSE(password_matches("Secret", format_scram_secret(keys)));
  EXPECT_FALSE(password_matches("", ""));
}

TEST(Scram, UnknownUserMeetsTheSameSaltEachTime) {
  auto salt_of = [](const char* user) {
    ScramExchange exchange(std::nullopt, user, "server secret");
    std::string first = exchange.first("n,,n=,r=abc");
    return first.substr(first.find(",s="));
  };
  EXPECT_EQ(salt_of("nobody"), salt_of("nobody"));
  EXPECT_NE(salt_of("nobody"), salt_of("somebody"));
}

TEST(Scram, MalformedMessagesAreErrors) {
  for (const char* bad : {"", "n", "p=tls-unique,,n=,r=a", "n,a=me,n=,r=a", "n,,r=a", "n,,n=,r=", "n,,m=x,n=,r=a"}) {
    ScramExchange exchange(std::nullopt, "u", "m");
    EXPECT_THROW(exchange.first(bad), Error) << bad;
  }
  ScramExchange exchange(std::nullopt, "u", "m");
  exchange.set_nonce_for_test("server");
  exchange.first("n,,n=,r=client");
  for (const char* bad : {"", "c=biws", "c=biws,r=other,p=AAAA", "c=xxxx,r=clientserver,p=AAAA", "c=biws,r=clientserver,p=AAAA"})
    EXPECT_THROW(exchange.final(bad), Error) << bad;
}

}  // namespace
}  // namespace tajo::pgwire
