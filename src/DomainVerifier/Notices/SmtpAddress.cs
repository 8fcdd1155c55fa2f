using System.Globalization;

namespace Tracking.DomainVerifier.Notices;

/// <summary>The address of the mail server and our login.</summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">The port.</param>
/// <param name="IsTls">Whether TLS begins with the connection. Otherwise STARTTLS is used if the server offers
/// it.</param>
/// <param name="User">The user; <see langword="null"/> for no login.</param>
/// <param name="Password">The password.</param>
internal sealed record SmtpAddress(string Host, int Port, bool IsTls, string? User, string? Password)
{
    // Submission with TLS (RFC 8314), submission (RFC 6409), relay (RFC 5321).
    private const int TlsPort = 465;
    private const int SubmissionPort = 587;
    private const int RelayPort = 25;

    /// <summary>Reads <c>smtp[s]://user:password@host:port</c>.</summary>
    /// <returns><see langword="null"/> if the text has another form.</returns>
    public static SmtpAddress? Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri)
            || uri.Scheme is not ("smtp" or "smtps")
            || uri.Host.Length == 0
            || uri.PathAndQuery is not ("" or "/")
            || uri.Fragment.Length > 0)
        {
            return null;
        }

        var separator = uri.UserInfo.IndexOf(':', StringComparison.Ordinal);
        if (uri.UserInfo.Length > 0 && separator <= 0)
        {
            return null;
        }

        var isTls = uri.Scheme == "smtps";
        var user = separator > 0 ? Uri.UnescapeDataString(uri.UserInfo[..separator]) : null;
        var port = uri.Port > 0 ? uri.Port
            : isTls ? TlsPort
            : user is not null ? SubmissionPort
            : RelayPort;
        return new SmtpAddress(
            uri.IdnHost.Trim('[', ']'),
            port,
            isTls,
            user,
            user is null ? null : Uri.UnescapeDataString(uri.UserInfo[(separator + 1)..]));
    }

    /// <summary>The server as text, without user and password.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
