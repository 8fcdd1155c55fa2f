using Tracking.AcmeAuthority;
using Tracking.Certificates;
using Tracking.Certificates.Acme;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Tls.Challenges;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>A client of one authority, with the steps of an order in the sequence of the certificate service.</summary>
internal sealed class AcmeUnderTest : IDisposable
{
    // A step whose nonces were all refused may be repeated. With nine refused nonces of ten this happens to 0.9^20 of
    // the steps.
    private const int Tries = 20;

    private readonly TemporaryFolder _folder = new();
    private readonly KeptLog<AcmeClient> _log = new();

    public AcmeUnderTest(
        string directory, string rootPem, Action<AuthoritySettings>? change = null,
        Action<CertificateOptions>? changeAll = null, TimeProvider? time = null)
    {
        File.WriteAllText(_folder.In("roots.pem"), rootPem);
        Authority = new AuthoritySettings { Directory = directory, RootCertificates = _folder.In("roots.pem") };
        change?.Invoke(Authority);
        changeAll?.Invoke(Options);
        Time = time ?? TimeProvider.System;
        Client = NewClient();
    }

    public AuthoritySettings Authority { get; }

    public CertificateOptions Options { get; } = new() { AcceptTermsOfService = true };

    public TimeProvider Time { get; }

    public AcmeClient Client { get; }

    public List<string> Log => _log.Lines;

    public AccountKey Key { get; } = AccountKey.Create();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static AcmeUnderTest Of(
        TestAuthority authority, Action<AuthoritySettings>? change = null,
        Action<CertificateOptions>? changeAll = null, TimeProvider? time = null) =>
        new(authority.Directory, authority.RootPem, change, changeAll, time);

    public static HostName Name(string text) =>
        HostName.TryParse(text, out var name) ? name : throw new ArgumentException(text);

    /// <summary>Another client with the same settings, as after a restart.</summary>
    public AcmeClient NewClient() => new(Authority, Options, Time, _log);

    public async Task<AcmeAccount> RegisterAsync() =>
        Value(await AgainAsync(() => Client.RegisterAsync(Key, Cancelled)));

    public async Task<AcmeOrder> OrderAsync(AcmeAccount account, params HostName[] names) =>
        Value(await AgainAsync(() => Client.NewOrderAsync(account, names, replaces: null, Cancelled))).Order;

    /// <summary>Proves every name whose authorization is pending.</summary>
    /// <returns>The order after the proofs.</returns>
    public async Task<AcmeOrder> ProveAsync(
        AcmeAccount account, AcmeOrder order, Func<string, AcmeChallenge, string, Task>? publish = null,
        ChallengeType type = ChallengeType.Http01)
    {
        foreach (var url in order.Authorizations)
        {
            var authorization = await ReadAuthorizationAsync(account, url);
            if (authorization.Status != AuthorizationStatus.Pending)
            {
                continue;
            }

            var challenge = authorization.Challenges.Single(each => each.Type == type);
            if (publish is not null)
            {
                await publish(
                    authorization.Name, challenge, KeyAuthorization.Of(challenge.Token, account.Key.Thumbprint));
            }

            Value(await AgainAsync(() => Client.AnswerChallengeAsync(account, challenge.Url, Cancelled)));
            await Eventually.HoldsAsync(
                async () => (await ReadAuthorizationAsync(account, url)).Status != AuthorizationStatus.Pending,
                "the authority has looked", Cancelled);
        }

        return await ReadOrderAsync(account, order.Url);
    }

    /// <summary>Takes a ready order to its certificate.</summary>
    public async Task<DownloadedCertificate> FinishAsync(
        AcmeAccount account, AcmeOrder order, CertificateKey key, params HostName[] names)
    {
        var request = key.MakeRequest(names);
        var sent = Value(await AgainAsync(() =>
            Client.FinalizeAsync(account, order.Url, order.Finalize, request, Cancelled)));
        if (sent.Status != OrderStatus.Valid)
        {
            await Eventually.HoldsAsync(
                async () => (sent = await ReadOrderAsync(account, order.Url)).Status != OrderStatus.Processing,
                "the certificate is there", Cancelled);
        }

        Assert.Equal(OrderStatus.Valid, sent.Status);
        return Value(await AgainAsync(() => Client.DownloadAsync(account, sent.Certificate!, Cancelled)));
    }

    /// <summary>Runs all steps and checks the certificate.</summary>
    public async Task<DownloadedCertificate> IssueAsync(
        AcmeAccount account, string name, Func<string, AcmeChallenge, string, Task>? publish = null,
        ChallengeType type = ChallengeType.Http01)
    {
        using var key = CertificateKey.Create();
        var order = await ProveAsync(account, await OrderAsync(account, Name(name)), publish, type);
        Assert.Equal(OrderStatus.Ready, order.Status);
        var certificate = await FinishAsync(account, order, key, Name(name));
        Assert.Null(CheckCertificate.Refusal(
            certificate.Chain, key.ExportPublicKey(), [Name(name)], Time.GetUtcNow()));
        return certificate;
    }

    public async Task<AcmeOrder> ReadOrderAsync(AcmeAccount account, Uri order) =>
        Value(await AgainAsync(() => Client.ReadOrderAsync(account, order, Cancelled)));

    public async Task<AcmeAuthorization> ReadAuthorizationAsync(AcmeAccount account, Uri authorization) =>
        Value(await AgainAsync(() => Client.ReadAuthorizationAsync(account, authorization, Cancelled)));

    public static T Value<T>(AcmeOutcome<T> outcome)
        where T : class
    {
        Assert.True(outcome.Value is not null, outcome.Problem?.ToString());
        return outcome.Value!;
    }

    public void Dispose()
    {
        Client.Dispose();
        Key.Dispose();
        _folder.Dispose();
    }

    private static async Task<AcmeOutcome<T>> AgainAsync<T>(Func<Task<AcmeOutcome<T>>> step)
        where T : class
    {
        var outcome = await step();
        for (var attempt = 1; outcome.Problem?.Type == AcmeProblemType.BadNonce && attempt < Tries; attempt++)
        {
            outcome = await step();
        }

        return outcome;
    }
}
