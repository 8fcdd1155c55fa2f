using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>Host names as people read them.</summary>
internal static class HostText
{
    /// <summary>The name in Unicode, if it is a valid host name; otherwise the unchanged text.</summary>
    public static string Shown(string host) =>
        HostName.TryParse(host, out var name) ? name.ToUnicode() : host;
}
