namespace KlingPS.Core.Reporting;

/// <summary>How a run ended. The number is its exit code, and is never given another meaning.</summary>
/// <remarks>1 is left to PowerShell itself, which exits with it if a script fails.</remarks>
public enum RunOutcome
{
    /// <summary>Every image has its video, or the video was taken elsewhere.</summary>
    AllThere = 0,

    /// <summary>Some images have no video; the same command, run again later, may get them.</summary>
    Partly = 2,

    /// <summary>No images came.</summary>
    NothingToDo = 3,

    /// <summary>Images were left out because a limit of the run or of the day is reached.</summary>
    LimitReached = 4,

    /// <summary>A person is needed: it is not known whether a video was bought, or the key, the credits, the endpoint or the ledger can no longer be used.</summary>
    NeedsPerson = 5,

    /// <summary>An error ended the run before anything had been done for any image.</summary>
    CouldNotBegin = 6,

    /// <summary>The run was stopped: by the user, by a command further down the pipeline, or by an error with <c>-ErrorAction Stop</c>.</summary>
    Stopped = 7,
}
