using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>The whole chain: a client, Postfix with its filter, the service, a signer, and a mailbox. Made once per
/// class.</summary>
public sealed class FilteredPostfix : IAsyncLifetime
{
    private ApiClient? _api;
    private SmtpSink? _sink;
    private SigningMilter? _milter;
    private PostfixProcess? _postfix;
    private StandaloneProcess? _standalone;

    /// <summary>The service.</summary>
    internal StandaloneProcess Standalone => _standalone!;

    /// <summary>Its API.</summary>
    internal ApiClient Api => _api!;

    /// <summary>The MTA.</summary>
    internal PostfixProcess Postfix => _postfix!;

    /// <summary>The cluster that the filter names.</summary>
    internal string Cluster { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _standalone = await StandaloneProcess.StartAsync(CancellationToken.None);
        _api = new ApiClient(_standalone.Api, _standalone.AdminKey);
        _sink = new SmtpSink();
        Cluster = await _api.CreateClusterAsync("postfix");
        var key = await _api.CreateKeyAsync(Cluster);
        _milter = await SigningMilter.StartAsync(CancellationToken.None);
        _postfix = await PostfixProcess.StartAsync(_standalone.Api, Cluster, key, _sink.Port, _milter.Port);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postfix is not null)
        {
            await _postfix.DisposeAsync();
        }

        _milter?.Dispose();
        if (_sink is not null)
        {
            await _sink.DisposeAsync();
        }

        _api?.Dispose();
        if (_standalone is not null)
        {
            await _standalone.DisposeAsync();
        }
    }

    /// <summary>Sends a message through Postfix.</summary>
    internal Task SendAsync(string sender, IReadOnlyList<string> recipients, byte[] message) =>
        SendMail.ToAsync(Postfix.Port, sender, recipients, message);

    /// <summary>The messages that arrived for recipients.</summary>
    internal IReadOnlyList<ReceivedMail> For(params IReadOnlyCollection<string> recipients) =>
        [.. _sink!.Received.Where(mail => mail.Recipients.Any(recipients.Contains))];

    /// <summary>Waits until a number of messages arrived for recipients.</summary>
    internal async Task<IReadOnlyList<ReceivedMail>> ArrivedAsync(
        int count, params IReadOnlyCollection<string> recipients)
    {
        try
        {
            await Eventually.HoldsAsync(
                () => For(recipients).Count >= count,
                $"{count} messages arrive",
                TestContext.Current.CancellationToken,
                Eventually.Deadline * 2);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{Postfix.Log}", exception);
        }

        return For(recipients);
    }

    /// <summary>Waits until Postfix has logged a text about a recipient.</summary>
    internal Task LoggedAsync(string recipient, string text) => Eventually.HoldsAsync(
        () => Postfix.Log.Split('\n').Any(line => line.Contains($"to=<{recipient}>", StringComparison.Ordinal)
            && line.Contains(text, StringComparison.Ordinal)),
        $"the log says '{text}' of {recipient}; it says:\n{Postfix.Log}",
        TestContext.Current.CancellationToken);
}
