namespace Tracking.Milter.Wire;

/// <summary>The actions that the MTA offers and that the milter requests (SMFIF_…).</summary>
[Flags]
internal enum MilterActions : uint
{
    /// <summary>Replace the body.</summary>
    ChangeBody = 0x02,

    /// <summary>Change and delete header fields.</summary>
    ChangeHeaders = 0x10,

    /// <summary>Send the macros that the milter names.</summary>
    ChooseMacros = 0x100,
}

/// <summary>The steps that the MTA skips and the answers that it does not wait for (SMFIP_…).</summary>
[Flags]
internal enum MilterSteps : uint
{
    /// <summary>No connection.</summary>
    NoConnect = 0x01,

    /// <summary>No HELO.</summary>
    NoHelo = 0x02,

    /// <summary>No answer to a header field.</summary>
    SilentHeader = 0x80,

    /// <summary>No unknown commands.</summary>
    NoUnknown = 0x100,

    /// <summary>No DATA.</summary>
    NoData = 0x200,

    /// <summary>No answer to the connection.</summary>
    SilentConnect = 0x1000,

    /// <summary>No answer to HELO.</summary>
    SilentHelo = 0x2000,

    /// <summary>No answer to MAIL.</summary>
    SilentMail = 0x4000,

    /// <summary>No answer to RCPT.</summary>
    SilentRecipient = 0x8000,

    /// <summary>No answer to DATA.</summary>
    SilentData = 0x10000,

    /// <summary>No answer to an unknown command.</summary>
    SilentUnknown = 0x20000,

    /// <summary>No answer to a piece of the body.</summary>
    SilentBody = 0x80000,

    /// <summary>White space between a field's colon and its value stays.</summary>
    LeadingSpace = 0x100000,
}

/// <summary>
/// The protocol between MTA and milter, version 6, as in libmilter of Sendmail 8.14 and later
/// (<c>include/libmilter/mfdef.h</c>): packets of a length (four bytes, the highest first), a command and its data.
/// </summary>
internal static class MilterProtocol
{
    /// <summary>The newest version.</summary>
    public const uint Version = 6;

    /// <summary>The largest piece of a body in one packet: 64 kB less one (MILTER_CHUNK_SIZE).</summary>
    public const int ChunkSize = 65_535;

    /// <summary>The largest packet that is read: 1 MiB, the most that libmilter can be set to (MILTER_MDS_1M), and the
    /// command.</summary>
    public const int MaxPacket = (1 << 20) + 1;

    /// <summary>The actions that the milter needs.</summary>
    public const MilterActions Needed = MilterActions.ChangeBody | MilterActions.ChangeHeaders;

    /// <summary>The steps that the milter skips and those that it does not answer. It answers the end of the header,
    /// because it accepts messages of no cluster there.</summary>
    public const MilterSteps Wanted = MilterSteps.NoConnect | MilterSteps.NoHelo | MilterSteps.NoUnknown
        | MilterSteps.NoData | MilterSteps.SilentHeader | MilterSteps.SilentMail | MilterSteps.SilentRecipient
        | MilterSteps.SilentBody | MilterSteps.LeadingSpace;

    /// <summary>The flag that skips the answer to a command; none for commands that always get an answer.</summary>
    public static MilterSteps SilenceOf(char command) => command switch
    {
        'C' => MilterSteps.SilentConnect,
        'H' => MilterSteps.SilentHelo,
        'M' => MilterSteps.SilentMail,
        'R' => MilterSteps.SilentRecipient,
        'T' => MilterSteps.SilentData,
        'U' => MilterSteps.SilentUnknown,
        'L' => MilterSteps.SilentHeader,
        'B' => MilterSteps.SilentBody,
        _ => 0,
    };
}
