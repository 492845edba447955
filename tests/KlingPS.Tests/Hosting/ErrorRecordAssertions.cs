using System.Management.Automation;

namespace KlingPS.Tests.Hosting;

internal static class ErrorRecordAssertions
{
    /// <summary>The error has what the design's table says, and tells what to do.</summary>
    public static ErrorRecord Is(this ErrorRecord? error, string id, ErrorCategory category)
    {
        Assert.NotNull(error);
        Assert.Equal(id, error.FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal(category, error.CategoryInfo.Category);
        Assert.False(string.IsNullOrWhiteSpace(error.ErrorDetails?.RecommendedAction));
        return error;
    }

    /// <inheritdoc cref="Is(ErrorRecord?, string, ErrorCategory)"/>
    public static ErrorRecord Is(this ErrorRecord? error, string id, ErrorCategory category, object? target)
    {
        error.Is(id, category);
        Assert.Equal(target, error!.TargetObject is PSObject wrapped ? wrapped.BaseObject : error.TargetObject);
        return error;
    }
}
