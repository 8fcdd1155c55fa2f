using Tracking.Links;

namespace Tracking.Functional.Tests.Tls;

internal static class TlsHostNames
{
    public static HostName Of(string text) => HostName.TryParse(text, out var name)
        ? name
        : throw new ArgumentException($"{text} is no host name.");
}
