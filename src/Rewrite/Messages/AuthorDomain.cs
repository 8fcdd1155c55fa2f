using System.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>The domain of the first address in a field of addresses (RFC 5322 3.4).</summary>
internal static class AuthorDomain
{
    /// <summary>Returns the text behind the address's last @: quoted names and comments may contain an @ too.</summary>
    /// <param name="from">The field's value, unfolded.</param>
    public static string? Of(string from)
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
