using System.Text;
using Tracking.Certificates.Acme;
using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Tests.Acme;

/// <summary>Mutated answers of an authority cause no exception: bytes are changed, left out and repeated.</summary>
public sealed class MutatedAnswersTests
{
    private const int Rounds = 4_000;
    private const string Origin = "https://authority.example";

    private static readonly AcmeTransport _transport = new(
        new AuthoritySettings { Directory = $"{Origin}/directory" }, new CertificateOptions(), TimeProvider.System);

    private static readonly Dictionary<string, (string Body, Func<AcmeAnswer, object?> Read)> _answers = new()
    {
        ["directory"] = (
            """{"newNonce":"https://authority.example/n","newAccount":"https://authority.example/a","newOrder":"https://authority.example/o","renewalInfo":"https://authority.example/r","meta":{"termsOfService":"https://x.example/","profiles":{"tlsserver":"\u00e4"},"caaIdentities":["x"],"externalAccountRequired":true}}""",
            answer => AcmeDirectory.Read(answer, _transport).Value),
        ["order"] = (
            """{"status":"valid","expires":"2026-08-05T12:00:00Z","identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["https://authority.example/z/1"],"finalize":"https://authority.example/f","certificate":"https://authority.example/c","error":{"type":"urn:ietf:params:acme:error:caa","detail":"\ud83d\ude00","status":403}}""",
            answer => AcmeOrder.Read(answer, _transport).Value),
        ["authorization"] = (
            """{"status":"pending","expires":"2026-08-05T12:00:00.123456789Z","identifier":{"type":"dns","value":"a.example"},"challenges":[{"type":"http-01","url":"https://authority.example/h","status":"pending","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"},{"type":"new-01","x":[1,2,{}]}]}""",
            answer => AcmeAuthorization.Read(answer, _transport).Value),
        ["challenge"] = (
            """{"type":"http-01","url":"https://authority.example/h","status":"invalid","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA","error":{"type":"urn:ietf:params:acme:error:dns","detail":"no","subproblems":[{"type":"x","identifier":{"value":"y"}}]}}""",
            answer => AcmeChallenge.Read(answer, _transport).Value),
        ["renewal information"] = (
            """{"suggestedWindow":{"start":"2026-08-05T12:00:00Z","end":"2026-08-06T12:00:00Z"},"explanationURL":"https://x.example/"}""",
            answer => RenewalInformation.Read(answer).Value),
        ["problem"] = (
            """{"type":"urn:ietf:params:acme:error:rateLimited","detail":"retry after 2026-08-05 12:00:00 UTC","status":429,"instance":"https://x.example/"}""",
            answer => ReadProblem.From(answer, DateTimeOffset.UnixEpoch)),
        ["certificate"] = (CertificatePem(), answer => CertificateChain.Read(answer).Value),
    };

    public static TheoryData<string> Kinds => [.. _answers.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_changed_answer_is_read_or_it_is_a_problem(string kind)
    {
        var (body, read) = _answers[kind];
        var right = Encoding.UTF8.GetBytes(body);
        Assert.NotNull(read(Answer(right)));
        // The same changes at each run.
        var random = new Random(8555);
        for (var round = 0; round < Rounds; round++)
        {
            read(Answer(Change(right, random)));
        }
    }

    private static AcmeAnswer Answer(byte[] body) => new(new Uri($"{Origin}/x"), 400, body)
    {
        MediaType = "application/problem+json",
        Location = "/order/1",
    };

    private static byte[] Change(byte[] right, Random random)
    {
        var body = right.ToList();
        for (var change = random.Next(1, 4); change > 0 && body.Count > 1; change--)
        {
            var at = random.Next(body.Count);
            var length = Math.Min(random.Next(1, 40), body.Count - at);
            switch (random.Next(5))
            {
                case 0: body[at] = (byte)random.Next(256); break;
                case 1: body.RemoveRange(at, length); break;
                case 2: body.InsertRange(random.Next(body.Count), body.GetRange(at, length)); break;
                case 3: body.InsertRange(at, "\\ud800"u8.ToArray()); break;
                default: body[at] = (byte)"{}[]\",:\\0-"[random.Next(10)]; break;
            }
        }

        return [.. body];
    }

    private static string CertificatePem()
    {
        _ = Tracking.Links.HostName.TryParse("a.example", out var name);
        using var certificate = TlsAlpnCertificate.Create(name, "x", TimeProvider.System);
        return certificate.ExportCertificatePem();
    }
}
