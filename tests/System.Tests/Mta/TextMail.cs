using System.Text;

namespace Tracking.System.Tests.Mta;

/// <summary>Short messages with one link, and the checks of received ones.</summary>
internal static class TextMail
{
    /// <summary>A message of <c>example.com</c>.</summary>
    public static byte[] Of(string name) => Encoding.ASCII.GetBytes(
        $"""
        From: news@example.com
        Subject: {name}
        X-Tracking-Tags: spring

        See https://www.example.com/offer?for={name} today.
        .

        """);

    /// <summary>Checks that the link is tracked and that there is no control header.</summary>
    public static void AssertTracked(ReceivedMail mail)
    {
        Assert.Contains("/c/", ReadMail.Urls(mail.Message).First(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "X-Tracking-", Encoding.Latin1.GetString(mail.Message), StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Checks that each accepted message has arrived. A message whose answer was cut off by a kill may have
    /// arrived twice (RFC 1047), then with the same links.</summary>
    public static void AssertArrived(Ledger ledger, IReadOnlyList<ReceivedMail> arrived)
    {
        var once = arrived.GroupBy(mail => mail.Recipients.Single()).ToList();
        ledger.AssertBalanced([.. once.Select(mails => mails.Key)]);
        Assert.All(once, mails => Assert.Single(mails.Select(mail => ReadMail.Urls(mail.Message)[0]).Distinct()));
        TestContext.Current.SendDiagnosticMessage(
            $"{once.Count} messages arrived, {arrived.Count - once.Count} of them twice.");
    }

    /// <summary>The number of lines of a log with all of these words.</summary>
    public static int Count(string log, params string[] words) => log.Split('\n')
        .Count(line => words.All(word => line.Contains(word, StringComparison.Ordinal)));
}
