using System.Text;
using System.Text.Json.Nodes;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Tests.Acme;

public sealed class ProblemsTests
{
    private const string Prefix = "urn:ietf:params:acme:error:";
    private static readonly DateTimeOffset _now = new(2026, 8, 5, 12, 0, 0, TimeSpan.Zero);

    // RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-profiles; "conflict" is Boulder's.
    [Theory]
    [InlineData("accountDoesNotExist", AcmeProblemType.AccountDoesNotExist)]
    [InlineData("alreadyReplaced", AcmeProblemType.AlreadyReplaced)]
    [InlineData("alreadyRevoked", AcmeProblemType.AlreadyRevoked)]
    [InlineData("badCSR", AcmeProblemType.BadCsr)]
    [InlineData("badNonce", AcmeProblemType.BadNonce)]
    [InlineData("badPublicKey", AcmeProblemType.BadPublicKey)]
    [InlineData("badRevocationReason", AcmeProblemType.BadRevocationReason)]
    [InlineData("badSignatureAlgorithm", AcmeProblemType.BadSignatureAlgorithm)]
    [InlineData("caa", AcmeProblemType.Caa)]
    [InlineData("compound", AcmeProblemType.Compound)]
    [InlineData("conflict", AcmeProblemType.Conflict)]
    [InlineData("connection", AcmeProblemType.Connection)]
    [InlineData("dns", AcmeProblemType.Dns)]
    [InlineData("externalAccountRequired", AcmeProblemType.ExternalAccountRequired)]
    [InlineData("incorrectResponse", AcmeProblemType.IncorrectResponse)]
    [InlineData("invalidContact", AcmeProblemType.InvalidContact)]
    [InlineData("invalidProfile", AcmeProblemType.InvalidProfile)]
    [InlineData("malformed", AcmeProblemType.Malformed)]
    [InlineData("orderNotReady", AcmeProblemType.OrderNotReady)]
    [InlineData("rateLimited", AcmeProblemType.RateLimited)]
    [InlineData("rejectedIdentifier", AcmeProblemType.RejectedIdentifier)]
    [InlineData("serverInternal", AcmeProblemType.ServerInternal)]
    [InlineData("tls", AcmeProblemType.Tls)]
    [InlineData("unauthorized", AcmeProblemType.Unauthorized)]
    [InlineData("unsupportedContact", AcmeProblemType.UnsupportedContact)]
    [InlineData("unsupportedIdentifier", AcmeProblemType.UnsupportedIdentifier)]
    [InlineData("userActionRequired", AcmeProblemType.UserActionRequired)]
    [InlineData("somethingNew", AcmeProblemType.Unknown)]
    public void Every_type_has_its_value_and_new_ones_are_unknown(string name, AcmeProblemType expected)
    {
        var problem = Read(400, new JsonObject { ["type"] = Prefix + name, ["detail"] = "In its own words." });

        Assert.Equal(expected, problem.Type);
        Assert.Equal(Prefix + name, problem.TypeText);
        Assert.Equal("In its own words.", problem.Detail);
        Assert.Equal(400, problem.Status);
    }

    [Fact]
    public void The_same_word_under_another_prefix_is_unknown()
    {
        Assert.Equal(AcmeProblemType.Unknown, Read(400, new() { ["type"] = "about:blank" }).Type);
        Assert.Equal(AcmeProblemType.Unknown, Read(400, new() { ["type"] = "rateLimited" }).Type);
    }

    [Theory]
    [InlineData("text/html", "<html>502</html>")]
    [InlineData("application/problem+json", "")]
    [InlineData("application/problem+json", "{")]
    [InlineData("application/problem+json", "[]")]
    [InlineData("application/problem+json", "null")]
    [InlineData("application/problem+json", """{"type":5}""")]
    [InlineData("application/problem+json", """{"type":"\ud800"}""")]
    [InlineData("application/problem+json", """{"type":"a","type":"b"}""")]
    [InlineData("application/problem+json", "\0\0")]
    public void An_error_without_a_problem_says_so(string mediaType, string body)
    {
        var problem = ReadProblem.From(
            new AcmeAnswer(new Uri("https://authority.example/"), 502, Encoding.UTF8.GetBytes(body))
            {
                MediaType = mediaType,
            },
            _now);

        Assert.Equal(AcmeProblemType.Unavailable, problem.Type);
        Assert.Equal(502, problem.Status);
    }

    [Fact]
    public void Subproblems_name_who_has_what()
    {
        var problem = Read(400, new JsonObject
        {
            ["type"] = Prefix + "compound",
            ["detail"] = "Several.",
            ["subproblems"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = Prefix + "caa",
                    ["detail"] = "No.",
                    ["identifier"] = new JsonObject { ["type"] = "dns", ["value"] = "a.example" },
                },
                null,
                new JsonObject { ["type"] = Prefix + "new" }),
        });

        Assert.Equal(
            [
                new AcmeSubproblem("a.example", AcmeProblemType.Caa, "No."),
                new AcmeSubproblem("", AcmeProblemType.Unknown, ""),
            ],
            problem.Subproblems);
    }

    [Fact]
    public void A_limit_that_says_until_when_in_words_is_understood()
    {
        var problem = Read(429, new JsonObject
        {
            ["type"] = Prefix + "rateLimited",
            ["detail"] = "too many certificates (5) already issued, retry after 2026-08-05 13:30:00 UTC: see https://x.example",
        });

        Assert.Equal(TimeSpan.FromMinutes(90), problem.RetryAfter);
        Assert.Null(problem.PausedUrl);
    }

    [Fact]
    public void A_paused_name_has_the_link_that_lets_it_go_on()
    {
        var problem = Read(429, new JsonObject
        {
            ["type"] = Prefix + "rateLimited",
            ["detail"] = "Your account is temporarily prevented from requesting certificates for a.example and possibly "
                + "others. Please visit: https://portal.example/sfe/v1/unpause?jwt=e30.e30.c2ln",
        });

        Assert.Equal("https://portal.example/sfe/v1/unpause?jwt=e30.e30.c2ln", problem.PausedUrl?.AbsoluteUri);
        Assert.Null(problem.RetryAfter);
    }

    [Fact]
    public void Links_to_anything_but_https_are_not_shown()
    {
        var problem = Read(403, new JsonObject
        {
            ["type"] = Prefix + "userActionRequired",
            ["detail"] = "Do.",
            ["instance"] = "javascript:alert(1)",
        });

        Assert.Null(problem.Instance);
    }

    [Fact]
    public void What_others_wrote_is_one_bounded_line()
    {
        var problem = Read(400, new JsonObject
        {
            ["type"] = Prefix + "dns",
            ["detail"] = "a\r\nb\u001b[31mc\0" + new string('x', 10_000),
        });

        Assert.StartsWith("a  b [31mc xxx", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(4_096, problem.Detail.Length);
    }

    [Theory]
    [InlineData("connection", "During secondary validation: 192.0.2.1: Fetching http://a.example: Timeout", true)]
    [InlineData("unauthorized", "During Secondary Validation: 403", true)]
    [InlineData("connection", "192.0.2.1: Fetching http://a.example: Timeout", false)]
    [InlineData("malformed", "secondary validation", false)]
    public void A_failure_from_another_place_only_is_told_apart(string type, string detail, bool isFromElsewhere)
    {
        var problem = Read(400, new JsonObject { ["type"] = Prefix + type, ["detail"] = detail });

        Assert.Equal(isFromElsewhere, problem.IsFromElsewhere);
    }

    private static AcmeProblem Read(int status, JsonObject json) => ReadProblem.From(
        new AcmeAnswer(new Uri("https://authority.example/"), status, Encoding.UTF8.GetBytes(json.ToJsonString()))
        {
            MediaType = "application/problem+json",
        },
        _now);
}
