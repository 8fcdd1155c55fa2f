using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using StandardWebhooks;
using StandardWebhooks.Diagnostics;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Tests.Webhooks;

/// <summary>Checks our signatures with the verifier that Standard Webhooks publishes for .NET.</summary>
public sealed class SignWebhookTests
{
    private const string Body = """{"type":"message.clicked","timestamp":"2026-11-22T09:30:00.000000Z","data":{}}""";

    private static readonly string _id = Guid.CreateVersion7().ToString();

    [Fact]
    public void The_signature_of_the_published_example_is_ours()
    {
        Assert.True(WebhookSecret.TryRead("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out var secret));

        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            SignWebhook.Run(
                "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, """{"test": 2432232314}"""u8, [secret]));
    }

    [Fact]
    public void The_published_verifier_accepts_ours()
    {
        var secret = WebhookSecret.Create();

        new StandardWebhook(WebhookSecret.Write(secret)).Verify(Body, Headers(secret));
    }

    [Fact]
    public void While_secrets_change_a_receiver_may_have_either()
    {
        var (old, @new) = (WebhookSecret.Create(), WebhookSecret.Create());
        var headers = Headers(@new, old);

        new StandardWebhook(WebhookSecret.Write(old)).Verify(Body, headers);
        new StandardWebhook(WebhookSecret.Write(@new)).Verify(Body, headers);
        Assert.Throws<WebhookVerificationException>(
            () => new StandardWebhook(WebhookSecret.Write(WebhookSecret.Create())).Verify(Body, headers));
    }

    [Theory]
    [InlineData(SignWebhook.IdHeader)]
    [InlineData(SignWebhook.TimestampHeader)]
    [InlineData(SignWebhook.SignatureHeader)]
    public void The_published_verifier_refuses_a_changed(string header)
    {
        var secret = WebhookSecret.Create();
        var headers = Headers(secret);
        headers[header] = header switch
        {
            SignWebhook.TimestampHeader => (Now() + 1).ToString(CultureInfo.InvariantCulture),
            SignWebhook.SignatureHeader => "v1,AAAA",
            _ => Guid.CreateVersion7().ToString(),
        };

        Assert.Throws<WebhookVerificationException>(
            () => new StandardWebhook(WebhookSecret.Write(secret)).Verify(Body, headers));
    }

    [Fact]
    public void The_published_verifier_refuses_a_changed_body()
    {
        var secret = WebhookSecret.Create();

        Assert.Throws<WebhookVerificationException>(
            () => new StandardWebhook(WebhookSecret.Write(secret)).Verify(Body + " ", Headers(secret)));
    }

    [Theory]
    [InlineData(-301)]
    [InlineData(301)]
    public void The_published_verifier_refuses_one_of_another_time(int seconds)
    {
        var secret = WebhookSecret.Create();

        Assert.Throws<WebhookVerificationException>(
            () => new StandardWebhook(WebhookSecret.Write(secret)).Verify(Body, Headers(Now() + seconds, secret)));
    }

    [Theory]
    [InlineData("whsec_")]
    [InlineData("whsec_c2hvcnQ=")]
    [InlineData("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_?")]
    public void What_is_no_secret_is_refused(string text) => Assert.False(WebhookSecret.TryRead(text, out _));

    [Fact]
    public void A_sealed_secret_opens_for_its_own_endpoint_alone()
    {
        using var key = new Links.MasterKey(new byte[Links.MasterKey.Size]);
        var (endpoint, secret) = (Guid.CreateVersion7(), WebhookSecret.Create());
        var @sealed = WebhookSecret.Seal(key, endpoint, secret);

        Assert.Equal(secret, WebhookSecret.Open(key, endpoint, @sealed));
        Assert.Null(WebhookSecret.Open(key, Guid.CreateVersion7(), @sealed));
    }

    private static long Now() => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    private static HeaderDictionary Headers(params byte[][] secrets) => Headers(Now(), secrets);

    private static HeaderDictionary Headers(long timestamp, params byte[][] secrets) => new()
    {
        [SignWebhook.IdHeader] = _id,
        [SignWebhook.TimestampHeader] = timestamp.ToString(CultureInfo.InvariantCulture),
        [SignWebhook.SignatureHeader] = SignWebhook.Run(_id, timestamp, Encoding.UTF8.GetBytes(Body), secrets),
    };
}
