namespace KlingPS.Core.Converting;

/// <summary>Where the images of a batch are. Each is counted in one place.</summary>
public sealed record ConversionCounts
{
    /// <summary>Not yet on their way.</summary>
    public int Queued { get; init; }

    /// <summary>Being uploaded, or waiting for the service to take their request.</summary>
    public int Uploading { get; init; }

    /// <summary>Being made by the service.</summary>
    public int Generating { get; init; }

    /// <summary>Being downloaded, or waiting for their turn.</summary>
    public int Downloading { get; init; }

    /// <summary>On disk, and bought in this batch.</summary>
    public int Made { get; init; }

    /// <summary>On disk, and paid for earlier.</summary>
    public int Reused { get; init; }

    /// <summary>Without a video.</summary>
    public int Failed { get; init; }

    /// <summary>Without a video, and whether it was bought is not known.</summary>
    public int Unknown { get; init; }

    /// <summary>Credits this batch has spent or set aside.</summary>
    public decimal Credits { get; init; }

    /// <summary>On disk.</summary>
    public int Saved => Made + Reused;

    /// <summary>Done with, well or not.</summary>
    public int Done => Saved + Failed + Unknown;

    /// <summary>All images taken so far.</summary>
    public int Total => Queued + Uploading + Generating + Downloading + Done;
}
