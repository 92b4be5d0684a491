/** Mean radius of the earth in metres, as the International Union of Geodesy and Geophysics gives it. */
const earthRadius = 6_371_008.8;

/** A place as expressions see it, in degrees. */
export class Geopoint {
  readonly latitude: number;
  readonly longitude: number;

  /** @throws when the degrees are none. */
  constructor(latitude: number, longitude: number) {
    if (!isLatitude(latitude) || !isLongitude(longitude)) {
      throw new Error(`geopoint(): ${latitude}, ${longitude} is no place on earth`);
    }
    this.latitude = latitude === 0 ? 0 : latitude; // -0 has no canonical form of its own.
    this.longitude = longitude === 0 ? 0 : longitude;
  }

  equals(other: Geopoint): boolean {
    return this.latitude === other.latitude && this.longitude === other.longitude;
  }

  /** Metres along the great circle, by the haversine formula, which stays exact for places close to each other. */
  distance(other: Geopoint): number {
    const radians = (degrees: number) => (degrees * Math.PI) / 180;
    const latitude = Math.sin(radians(other.latitude - this.latitude) / 2) ** 2;
    const longitude = Math.sin(radians(other.longitude - this.longitude) / 2) ** 2;
    const share = latitude + Math.cos(radians(this.latitude)) * Math.cos(radians(other.latitude)) * longitude;
    return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(share)));
  }

  toJson(): { latitude: number; longitude: number } {
    return { latitude: this.latitude, longitude: this.longitude };
  }
}

export function isLatitude(value: unknown): value is number {
  return typeof value === 'number' && value >= -90 && value <= 90;
}

export function isLongitude(value: unknown): value is number {
  return typeof value === 'number' && value >= -180 && value <= 180;
}
