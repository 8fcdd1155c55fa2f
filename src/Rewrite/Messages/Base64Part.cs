using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>A base64 body with changes.</summary>
/// <param name="Content">The decoded content, pooled.</param>
/// <param name="Length">Its length.</param>
/// <param name="Layout">The lines.</param>
/// <param name="KeptContent">Decoded octets that the kept raw bytes hold.</param>
/// <param name="BodyStart">Where the body starts in the message.</param>
/// <param name="Splices">The changes, in the decoded content.</param>
internal sealed record Base64Part(
    byte[] Content, int Length, Base64Layout Layout, int KeptContent, int BodyStart, Splice[] Splices);
