namespace KlingPS.Sandbox;

/// <summary>What a <see cref="SandboxFault"/> affects.</summary>
public enum SandboxOperation
{
    /// <summary>Every request that the kind of fault makes sense for.</summary>
    Any,

    /// <summary><c>POST /api/v1/jobs/createTask</c>.</summary>
    Create,

    /// <summary><c>GET /api/v1/jobs/recordInfo</c>.</summary>
    Query,

    /// <summary><c>GET /api/v1/chat/credit</c>.</summary>
    Credit,

    /// <summary>The three upload routes.</summary>
    Upload,

    /// <summary><c>POST /api/v1/common/download-url</c>.</summary>
    DownloadUri,

    /// <summary>A request for a file at the download host.</summary>
    Download,

    /// <summary>The callback of a task that has ended.</summary>
    Callback,

    /// <summary>The generation of the video, decided when its task is accepted.</summary>
    Generate,
}
