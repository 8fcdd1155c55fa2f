using System.Security.Cryptography;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>The recipe of <c>deploy/mta/exim.md</c> with a real Exim, which sends in chunks and signs by
/// itself.</summary>
public sealed class EximSmtpFilter(DoorsOfTracking doors) : IClassFixture<DoorsOfTracking>
{
    [Fact]
    public async Task Mail_arrives_rewritten_for_each_recipient_and_signed_after_it()
    {
        using var folder = new TemporaryFolder();
        using (var key = RSA.Create(2048))
        {
            await File.WriteAllTextAsync(folder.In("key.pem"), key.ExportRSAPrivateKeyPem());
        }

        using var exim = await EximProcess.StartAsync(
            doors.SmtpPort, doors.BackPort, doors.Sink.Port, folder.In("key.pem"));
        string[] readers = ["anna@exim.example.net", "carl@exim.example.net"];
        await SendMail.ToAsync(exim.Port, "news@example.com", readers, TextMail.Of("exim"));
        var arrived = await doors.ArrivedAsync(() => exim.Log, readers);
        Assert.Equal(2, arrived.Select(mail => ReadMail.Urls(mail.Message)[0]).Distinct().Count());
        Assert.All(arrived, TextMail.AssertTracked);
        Assert.All(arrived, mail => Assert.Contains(
            "DKIM-Signature:", global::System.Text.Encoding.Latin1.GetString(mail.Message), StringComparison.Ordinal));

        // While the filter is down, Exim keeps the message.
        doors.Doors.Kill();
        try
        {
            await SendMail.ToAsync(exim.Port, "news@example.com", ["anna@away.exim.example.net"], TextMail.Of("away"));
            await Eventually.HoldsAsync(
                () => exim.Log.Contains("Connection refused", StringComparison.Ordinal),
                "Exim has tried",
                TestContext.Current.CancellationToken);
        }
        finally
        {
            await doors.Doors.StartAsync(TestContext.Current.CancellationToken);
        }

        TextMail.AssertTracked(Assert.Single(
            await doors.ArrivedAsync(() => exim.Log, "anna@away.exim.example.net")));
    }
}
