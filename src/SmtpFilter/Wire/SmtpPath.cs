using System.Text;

namespace Tracking.SmtpFilter.Wire;

/// <summary>Reads <c>MAIL FROM:&lt;…&gt;</c> and <c>RCPT TO:&lt;…&gt;</c> (RFC 5321 4.1.1.2, 4.1.1.3).</summary>
internal static class SmtpPath
{
    /// <summary>The address between the brackets, without a source route.</summary>
    /// <param name="command">The whole command.</param>
    /// <param name="parameters">The parameters after the path.</param>
    /// <returns><see langword="null"/> without a path in brackets.</returns>
    public static string? Read(ReadOnlySpan<byte> command, out string[] parameters)
    {
        parameters = [];
        var colon = command.IndexOf((byte)':');
        if (colon < 0)
        {
            return null;
        }

        var rest = command[(colon + 1)..].TrimStart((byte)' ');
        if (rest is not [(byte)'<', ..])
        {
            return null;
        }

        var isQuoted = false;
        for (var i = 1; i < rest.Length; i++)
        {
            switch ((char)rest[i])
            {
                case '\\' when isQuoted:
                    i++;
                    break;
                case '"':
                    isQuoted = !isQuoted;
                    break;
                case '>' when !isQuoted:
                    parameters = Encoding.UTF8.GetString(rest[(i + 1)..])
                        .Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    return WithoutRoute(Encoding.UTF8.GetString(rest[1..i]));
                default:
                    break;
            }
        }

        return null;
    }

    // RFC 5321 4.1.2: @a,@b:user@example.com. Appendix C says to ignore the route.
    private static string WithoutRoute(string path) =>
        path.StartsWith('@') && path.IndexOf(':', StringComparison.Ordinal) is > 0 and var end
            ? path[(end + 1)..]
            : path;
}
