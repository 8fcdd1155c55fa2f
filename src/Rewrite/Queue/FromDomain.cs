using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Queue;

/// <summary>What a message's own header says of whose it is.</summary>
internal static class FromDomain
{
    private const int MaxValueBytes = 16 * 1024;

    /// <summary>The domain of the one author in <c>From</c> (RFC 5322 3.6.2), as A-labels in lower case.</summary>
    /// <returns><see langword="null"/> when there is none, or <c>From</c> stands twice: mail programs disagree which of
    /// them they show.</returns>
    public static string? Of(ReadOnlySpan<byte> mail)
    {
        var from = Field(mail, "From"u8, out var count);
        return count == 1 && Domain(from!) is { } domain && HostName.TryParse(domain, out var name) ? name.Value : null;
    }

    /// <summary>The value of <c>X-Tracking-Cluster</c>; <see langword="null"/> when there is none, or more than
    /// one.</summary>
    public static string? ClusterHeader(ReadOnlySpan<byte> mail)
    {
        var cluster = Field(mail, "X-Tracking-Cluster"u8, out var count);
        return count == 1 ? cluster!.Trim() : null;
    }

    private static string? Field(ReadOnlySpan<byte> mail, ReadOnlySpan<byte> name, out int count)
    {
        string? value = null;
        count = 0;
        var headers = HeaderReader.OfMessage(mail);
        for (var fields = 0;
            fields < RewriteLimits.Default.MaxHeaderFields && headers.Read() == HeaderStep.Field;
            fields++)
        {
            if (headers.Is(name) && headers.Value.Length <= MaxValueBytes)
            {
                count++;
                value = Encoding.UTF8.GetString(headers.Value).ReplaceLineEndings("");
            }
        }

        return value;
    }

    /// <summary>Behind the last @ of the first address: names in quotes and comments may hold anything.</summary>
    private static string? Domain(string from)
    {
        var address = new StringBuilder();
        var comments = 0;
        var isQuoted = false;
        for (var i = 0; i < from.Length; i++)
        {
            switch (from[i])
            {
                case '\\' when isQuoted || comments > 0:
                    i++;
                    break;
                case '"' when comments == 0:
                    isQuoted = !isQuoted;
                    break;
                case '(' when !isQuoted:
                    comments++;
                    break;
                case ')' when !isQuoted && comments > 0:
                    comments--;
                    break;
                case '<' when !isQuoted && comments == 0:
                    address.Clear();
                    break;
                case '>' or ',' when !isQuoted && comments == 0:
                    return BehindAt(address.ToString());
                case var other when !isQuoted && comments == 0:
                    address.Append(other);
                    break;
            }
        }

        return BehindAt(address.ToString());
    }

    private static string? BehindAt(string address)
    {
        var at = address.LastIndexOf('@');
        return at < 0 ? null : address[(at + 1)..].Trim();
    }
}
