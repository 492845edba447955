using System.Globalization;
using System.Text;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Wire;

/// <summary>What the service says about its models.</summary>
internal static class ModelPages
{
    /// <summary>How often a model succeeds.</summary>
    internal const string SuccessRate = "99.2%";

    /// <summary>The price, as prose.</summary>
    internal static string DescribePrice(ModelRules rules)
        => string.Create(CultureInfo.InvariantCulture, $"{rules.CreditsPerSecond(new CreateInput()):0.##} credits per second and up, depending on what is asked for.");

    /// <summary>The fields of a request, as JSON.</summary>
    internal static string DescribeSchema(ModelRules rules)
    {
        ReadOnlyMemory<byte> json = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            foreach (FieldRule field in rules.Fields)
            {
                writer.WriteString(field.Name, field.IsRequired ? $"{field.Type}, required" : field.Type.ToString());
            }

            writer.WriteEndObject();
        });
        return Encoding.UTF8.GetString(json.Span);
    }
}
